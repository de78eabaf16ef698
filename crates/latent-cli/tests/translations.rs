//! What engines say has a translation in every language of the page: in `www/text/<language>.engine.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use latent_core::lab::EXPERIMENTS;
use latent_core::models::FAMILIES;
use latent_protocol::Control;

/// Where a value goes in a sentence.
const HOLE: &str = "{}";

/// What is said elsewhere than on the page, by where it stands.
const ELSEWHERE: &[&str] = &[
    // On the command line and in tests.
    "latent-core/src/conformance.rs",
    "latent-core/src/gates.rs",
    "latent-core/src/training/gradient_check.rs",
    "latent-engine/src/web/conformance.rs",
    "/tests.rs",
    "/golden.rs",
    // To the programs that use the npm package, in English.
    "latent-engine/src/library.rs",
    "latent-engine/src/library/",
    "latent-engine/src/web/library.rs",
    // Cards are looked at whole; the rest are names of gates.
    "latent-core/src/models/",
];

/// What comes before texts that nobody is told: reasons for the compiler, what never happens, pilots of gates, and names of
/// things on a GPU.
const UNTOLD: &[&str] =
    &["reason = ", "expect(", "panic!(", "reference: ", "label: Some(", "error_1(&format!(", "error_2(&"];

/// Errors of a page that does not fit its engine, which their makers read.
const MAKERS: &[&str] =
    &["the first message must bring the canvases", "no canvases came with the first message"];

/// Sentences that engines say without having them: labels that belong to the one above begin like this, and the name that
/// the page gives to the visitor's images.
const REPEATED: &[&str] = &["  {}", "Own images"];

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
    let mut wanted = Vec::new();
    for literal in literals().into_iter().filter(is_error) {
        wanted.push(sentence(&literal.text));
        // These also stand within sentences: of data that cannot be used, and of an engine that ended.
        if literal.path.ends_with("idx.rs") || literal.text.starts_with("the device") {
            wanted.push(literal.text);
        }
    }
    assert!(wanted.len() > 20, "errors are not found in the sources any more");
    for (path, words) in languages() {
        let missing: Vec<_> = wanted.iter().filter(|text| !words.contains_key(*text)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", path.display());
    }
}

/// Findings, measures, devices and faults. A word that is all lower case may be a key, and is not looked at.
#[test]
fn what_is_told_is_translated() {
    let is_told = |literal: &Literal| {
        let Literal { path, before, text } = literal;
        let is_text = text.trim().contains(' ') || text.starts_with(char::is_uppercase);
        is_text
            && is_telling(text)
            && !is_error(literal)
            && !ELSEWHERE.iter().any(|place| path.contains(place))
            && !UNTOLD.iter().any(|end| before.ends_with(end))
            && !MAKERS.contains(&text.as_str())
    };
    let told: Vec<Literal> = literals().into_iter().filter(is_told).collect();
    assert!(told.len() > 100, "texts are not found in the sources any more");
    for (path, words) in languages() {
        let has = |text: &str| {
            // A part of a sentence, as in `, training digits`.
            let is_part = !text.starts_with(char::is_uppercase);
            words.keys().any(|key| fits(key, text) || is_part && key.contains(text.trim_start()))
        };
        let missing: Vec<_> = told.iter().filter(|literal| !has(&literal.text)).collect();
        let missing: Vec<_> = missing.iter().map(|literal| (&literal.path, &literal.text)).collect();
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
        for (english, other) in &words {
            let holes = |text: &str| text.matches(HOLE).count();
            assert!(!other.trim().is_empty() && holes(english) == holes(other), "{english}");
            let is_said = |literal: &Literal| {
                let text = &literal.text;
                is_telling(text) && fits(english, text) || *english == *text || *english == sentence(text)
            };
            assert!(
                REPEATED.contains(&english.as_str()) || literals.iter().any(is_said),
                "no engine says {english:?}"
            );
            // The page takes the first pattern that fits.
            let first =
                words.keys().find(|pattern| pattern.contains(HOLE) && holds(pattern, &filled(english)));
            assert!(holes(english) == 0 || first == Some(english), "{english:?} is taken for {first:?}");
        }
    }
}

fn is_error(literal: &Literal) -> bool {
    literal.before.ends_with("#[error(") && !ELSEWHERE.iter().any(|place| literal.path.contains(place))
}

/// Whether it has more than holes and marks.
fn is_telling(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).count() > 3
}

/// How `CoreError::sentence` says it.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).chain(['.']).collect()
}

/// Whether a key of a language may be what becomes of a text, by itself or with others in its holes; signs and indentation
/// aside.
fn fits(key: &str, text: &str) -> bool {
    let bare = |text: &str| text.trim_start_matches([' ', '\u{2212}']).to_string();
    let (key, text) = (bare(key), bare(text));
    holds(&key, &filled(&text)) || holds(&text, &filled(&key))
}

fn filled(text: &str) -> String {
    text.replace(HOLE, "1")
}

/// Whether a text is a sentence with something in the holes of its pattern, or nothing.
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

fn languages() -> Vec<(PathBuf, BTreeMap<String, String>)> {
    let files = below(&root().join("www/text"))
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".engine.json")));
    let words =
        |path: &Path| serde_json::from_slice(&fs::read(path).expect("a file")).expect("texts by texts");
    let found: Vec<_> = files.map(|path| (path.clone(), words(&path))).collect();
    assert!(!found.is_empty(), "there are no languages");
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files in a folder and in those within it.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// All texts in the sources of engines, tests aside.
fn literals() -> Vec<Literal> {
    let mut found = Vec::new();
    for name in ["latent-core", "latent-engine", "latent-protocol"] {
        for path in below(&root().join("crates").join(name).join("src")) {
            let Some(source) =
                fs::read_to_string(&path).ok().filter(|_| path.extension().is_some_and(|e| e == "rs"))
            else {
                continue;
            };
            let tests = ["\n#[cfg(test)]\nmod ", "\n#[cfg(test)]\npub(crate) mod "];
            let end = tests.iter().filter_map(|tests| source.find(tests)).min().unwrap_or(source.len());
            read_literals(&path.to_string_lossy(), &source[..end], &mut found);
        }
    }
    found
}

fn read_literals(path: &str, source: &str, found: &mut Vec<Literal>) {
    let mut before = String::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            // A quote as a character.
            '"' if before.ends_with(['\'', '\\']) && rest.peek() == Some(&'\'') => {}
            '"' => {
                let text = read_literal(&mut rest);
                found.push(Literal { path: path.into(), before: before.trim_end().into(), text });
                before.clear();
            }
            _ => before.push(c),
        }
    }
}

/// What stands until the closing quote.
fn read_literal(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '{' => {
                while rest.next_if(|c| *c != '}').is_some() {}
                text.push('{');
            }
            '\\' => match rest.next() {
                Some('\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                Some('u') => {
                    let digits: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    text.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                }
                Some('n') => text.push('\n'),
                other => text.extend(other),
            },
            _ => text.push(c),
        }
    }
    text
}
