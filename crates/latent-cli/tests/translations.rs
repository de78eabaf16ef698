//! What engines say has a translation in every language of the page: in `www/text/<language>.engine.json`.

use std::collections::BTreeMap;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Chars;

use latent_core::lab::EXPERIMENTS;
use latent_core::models::FAMILIES;
use latent_protocol::Control;

/// Where a value goes in a sentence.
const HOLE: &str = "{}";

/// Sources that say nothing to the page.
const ELSEWHERE: &[&str] = &[
    // They talk to tests and to the command line.
    "/tests.rs",
    "/golden.rs",
    "/conformance.rs",
    "/gates.rs",
    "/gradient_check.rs",
    // They talk to the programs that use the npm package, in English.
    "/library.rs",
    "/library/",
    // Cards are looked at whole; the rest are names of gates.
    "latent-core/src/models/",
];

/// What stands before texts that no visitor sees: reasons for the compiler, pilots of gates, what never happens, names on a
/// GPU, the console.
const UNTOLD: &[&str] =
    &["reason =", "reference:", "expect(", "panic!(", "label: Some(", "error_1(&format!(", "error_2(&"];

/// Texts that no visitor sees either: names, those of browsers among them, and faults of a page that
/// does not fit its engine.
const NAMES: &[&str] = &[
    "some test images",
    "stop measuring",
    "the first message must bring the canvases",
    "no canvases came with the first message",
    "not a canvas",
    "a canvas has no 2-D context",
    "the GPU is not open",
    "AppleWebKit/",
    "Chrome/",
    "Firefox/",
];

/// Keys that are in no source of an engine: labels that belong to the one above begin with two spaces, and the page gives
/// the visitor's images this name.
const OTHERS: &[&str] = &["  {}", "Own images", "Own images ({})"];

/// A text in a source.
struct Literal {
    path: String,
    /// The code before it.
    before: String,
    /// With [`HOLE`]s for its values.
    text: String,
}

#[test]
fn cards_are_translated() {
    let mut texts = Vec::new();
    for family in FAMILIES {
        let card = &family.card;
        texts.extend([&card.name, &card.summary]);
        for h in card.hyperparameters.iter() {
            texts.extend([&h.label, &h.help]);
            if let Control::Pick { options, .. } = &h.control {
                texts.extend(options.iter().map(|option| &option.label));
            }
        }
        texts.extend(card.losses.iter().flat_map(|loss| [&loss.label, &loss.unit, &loss.help]));
        texts.extend(card.presets.iter().map(|preset| &preset.title));
    }
    texts.extend(EXPERIMENTS.iter().flat_map(|entry| [&entry.card.name, &entry.card.summary]));
    for (path, words) in languages() {
        let missing: Vec<_> = texts.iter().filter(|text| !words.contains_key(text.as_ref())).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", path.display());
    }
}

#[test]
fn errors_are_translated() {
    let mut texts = Vec::new();
    for Literal { path, text, .. } in literals().into_iter().filter(is_error) {
        texts.push(sentence(&text));
        // These also stand within sentences: of data that cannot be used, and of an engine that ended.
        if path.ends_with("idx.rs") || text.starts_with("the device") {
            texts.push(text);
        }
    }
    assert!(texts.len() > 20, "errors are not found in the sources any more");
    for (path, words) in languages() {
        let missing: Vec<_> = texts.iter().filter(|text| !words.contains_key(*text)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", path.display());
    }
}

/// Findings, measures, devices, faults. A lower-case word may as well be a key, so words like `steps` are not looked for.
#[test]
fn what_is_told_is_translated() {
    let is_told = |literal: &Literal| {
        let Literal { path, before, text } = literal;
        (text.trim().contains(' ') || text.starts_with(char::is_uppercase))
            && is_telling(text)
            && !is_error(literal)
            && !ELSEWHERE.iter().any(|part| path.contains(part))
            && !UNTOLD.iter().any(|end| before.ends_with(end))
            && !NAMES.contains(&text.as_str())
    };
    let told: Vec<Literal> = literals().into_iter().filter(is_told).collect();
    assert!(told.len() > 100, "texts are not found in the sources any more");
    for (path, words) in languages() {
        let has = |text: &str| {
            // What begins in lower case may be a part, as in `, training digits`.
            let is_part = !text.starts_with(char::is_uppercase);
            words.keys().any(|key| fits(key, text) || is_part && key.contains(text.trim_start()))
        };
        let texts = told.iter().map(|literal| &literal.text);
        let missing: Vec<_> = texts.filter(|text| !has(text)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", path.display());
    }
}

#[test]
fn files_are_in_order() {
    let literals = literals();
    for (path, words) in languages() {
        let text = fs::read_to_string(&path).expect("it was read before");
        let ordered = serde_json::to_string_pretty(&words).expect("texts");
        assert_eq!(
            text.trim_end(),
            ordered,
            "{}: sorted by keys, each of which is there once",
            path.display()
        );
        for (key, other) in &words {
            let holes = |text: &str| text.matches(HOLE).count();
            assert!(!other.trim().is_empty() && holes(key) == holes(other), "{key:?} and {other:?}");
            let is_said =
                |Literal { text, .. }: &Literal| fits(key, text) || [text, &sentence(text)].contains(&key);
            assert!(OTHERS.contains(&key.as_str()) || literals.iter().any(is_said), "no engine says {key:?}");
            // The page takes the first pattern that holds.
            let first = words.keys().find(|pattern| holes(pattern) > 0 && holds(pattern, &filled(key)));
            assert!(holes(key) == 0 || first == Some(key), "{key:?} is taken for {first:?}");
        }
    }
}

fn is_error(literal: &Literal) -> bool {
    literal.before.ends_with("#[error(")
}

/// How `CoreError::sentence` says it.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).chain(['.']).collect()
}

/// Whether it has more than holes and signs.
fn is_telling(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).count() > 3
}

/// Whether a key may be what becomes of a text, by itself or with another in a hole; indentation and sign aside.
fn fits(key: &str, text: &str) -> bool {
    let [key, text] = [key, text].map(|text| text.trim_start_matches([' ', '\u{2212}']));
    let are_telling = is_telling(key) && is_telling(text);
    are_telling && (holds(key, &filled(text)) || holds(text, &filled(key)))
}

fn filled(text: &str) -> String {
    text.replace(HOLE, "1")
}

/// Whether a text is a pattern with something or nothing in its holes.
fn holds(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split(HOLE).collect();
    let [first, between @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The files, and what is in them.
fn languages() -> Vec<(PathBuf, BTreeMap<String, String>)> {
    let files = files_below("www/text").into_iter();
    let files = files.filter(|path| path.to_string_lossy().ends_with(".engine.json"));
    let read =
        |path: &Path| serde_json::from_slice(&fs::read(path).expect("a file")).expect("texts by texts");
    let found: Vec<_> = files.map(|path| (path.clone(), read(&path))).collect();
    assert!(!found.is_empty(), "there are no languages");
    found
}

/// All files in a folder of the repository and in those within it.
fn files_below(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(path) } else { vec![path] }).collect()
}

/// All texts in the sources of engines, without those of tests.
fn literals() -> Vec<Literal> {
    let mut found = Vec::new();
    let sources =
        ["latent-core", "latent-engine", "latent-protocol"].map(|name| format!("crates/{name}/src"));
    for path in
        sources.iter().flat_map(files_below).filter(|path| path.extension().is_some_and(|e| e == "rs"))
    {
        let source = fs::read_to_string(&path).expect("a source");
        let code = source.split("\n#[cfg(test)]\n").next().unwrap_or_default();
        let (mut rest, mut before) = (code.chars().peekable(), String::new());
        while let Some(c) = rest.next() {
            match c {
                '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
                // As a character.
                '"' if before.ends_with(['\'', '\\']) && rest.peek() == Some(&'\'') => {}
                '"' => {
                    let (path, before) = (path.display().to_string(), std::mem::take(&mut before));
                    let text = literal(&mut rest);
                    found.push(Literal { path, before: before.trim_end().into(), text });
                }
                _ => before.push(c),
            }
        }
    }
    found
}

/// What stands until the closing quote.
fn literal(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next().filter(|c| *c != '"') {
        match (c, rest.peek()) {
            ('{', _) => {
                while rest.next_if(|c| *c != '}').is_some() {}
                text.push('{');
            }
            ('\\', Some('\n')) => while rest.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('u')) => {
                let digits: String = rest.by_ref().skip(2).take_while(|c| *c != '}').collect();
                text.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            ('\\', _) => text.extend(rest.next()),
            _ => text.push(c),
        }
    }
    text
}
