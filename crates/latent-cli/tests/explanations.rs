//! What `www/explain` says about each family fits its card, and is safe to put into the page as it is.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use latent_core::models::FAMILIES;
use latent_protocol::ModelCard;

/// Elements of an explanation with their attributes. The page takes the fragments over unread, so nothing in them may run,
/// load, or bring a look of its own.
const ALLOWED: &[(&str, &[&str])] = &[
    ("p", &["class"]),
    ("dl", &["class"]),
    ("dt", &["data-term"]),
    ("dd", &["data-term"]),
    ("ul", &["class"]),
    ("li", &[]),
    ("math", &["display"]),
    ("mrow", &["data-term"]),
    ("mi", &["data-setting", "mathvariant"]),
    ("mn", &[]),
    ("mo", &["form", "lspace", "rspace", "stretchy"]),
    ("mspace", &["width"]),
    ("mfrac", &[]),
    ("msqrt", &[]),
    ("msub", &[]),
    ("msup", &[]),
    ("msubsup", &[]),
    ("munder", &[]),
    ("munderover", &[]),
    ("mover", &["accent"]),
];

/// An element that begins.
#[derive(Debug, PartialEq)]
struct Element<'a> {
    /// Elements around it.
    depth: usize,
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Element<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

fn explanations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www/explain")
}

fn fragment(card: &ModelCard, file: &str) -> String {
    let path = explanations().join(&*card.id).join(file);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// English, and each language into which the sentences of the engine are translated.
fn languages() -> Vec<String> {
    let names = fs::read_dir(explanations().join("../text")).expect("the page has texts");
    let names = names.map(|entry| entry.expect("readable").file_name().into_string().expect("a plain name"));
    let mut found: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".engine.json").map(str::to_owned)).collect();
    found.retain(|language| language != "en");
    found.insert(0, "en".into());
    found
}

/// The elements of a fragment in order. Panics where it is not well-formed, or has what is not allowed.
fn elements(html: &str) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut pieces = html.split('<');
    assert_eq!(pieces.next().map(str::trim), Some(""), "text before the first element");
    for piece in pieces {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("a tag without end: {piece}"));
        assert!(!text.contains('>'), "> without a tag: {piece}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closes another element: {piece}");
        } else {
            let (inner, is_empty) = tag.strip_suffix('/').map_or((tag, false), |inner| (inner, true));
            let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
            let attributes = attributes_of(attributes);
            let allowed = ALLOWED.iter().find(|(element, _)| *element == name);
            let (_, allowed) = allowed.unwrap_or_else(|| panic!("<{name}> is not allowed"));
            for (key, _) in &attributes {
                assert!(allowed.contains(key), "{key} is not allowed on <{name}>");
            }
            found.push(Element { depth: open.len(), name, attributes });
            if !is_empty {
                open.push(name);
            }
        }
        assert!(!open.is_empty() || text.trim().is_empty(), "text outside of all elements: {text}");
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    found
}

/// `key="value" key="value"`.
fn attributes_of(mut rest: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    while !rest.trim().is_empty() {
        let parts =
            rest.split_once("=\"").and_then(|(key, after)| Some((key.trim(), after.split_once('"')?)));
        let (key, (value, after)) = parts.unwrap_or_else(|| panic!("not an attribute: {rest}"));
        found.push((key, value));
        rest = after;
    }
    found
}

/// Sentences end with a mark before a space or the end; so the point of a number is none.
fn sentences(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.ends_with(['.', '!', '?'])).count()
}

/// Terms that elements of this name are tied to.
fn terms<'a>(elements: &[Element<'a>], name: &str) -> Vec<&'a str> {
    elements.iter().filter(|element| element.name == name).filter_map(|e| e.attribute("data-term")).collect()
}

fn assert_losses(card: &ModelCard, terms: &[&str]) {
    for term in terms {
        assert!(card.losses.iter().any(|loss| loss.key == *term), "{}: no loss {term}", card.id);
    }
    let different: HashSet<&&str> = terms.iter().collect();
    assert_eq!(different.len(), terms.len(), "{}: a term twice in {terms:?}", card.id);
}

/// The page lights terms up as they are charted, and writes settings as they are set: it finds both by these keys.
#[test]
fn formulas_are_tied_to_losses_and_settings() {
    for card in FAMILIES.iter().map(|family| &family.card) {
        let html = fragment(card, "objective.html");
        let elements = elements(&html);
        for element in elements.iter().filter(|element| element.depth == 0 || element.name == "math") {
            assert_eq!((element.name, element.attribute("display")), ("math", Some("block")), "{}", card.id);
        }
        let terms = terms(&elements, "mrow");
        assert_losses(card, &terms);
        assert!(terms.contains(&&*card.losses[0].key), "{}: what is minimised is missing", card.id);
        for setting in elements.iter().filter_map(|element| element.attribute("data-setting")) {
            assert!(card.hyperparameter(setting).is_some(), "{}: no setting {setting}", card.id);
        }
    }
}

#[test]
fn texts_have_one_structure_in_all_languages() {
    for card in FAMILIES.iter().map(|family| &family.card) {
        let english = fragment(card, "en.html");
        let expected = elements(&english);
        let parts: Vec<_> = expected.iter().filter(|element| element.depth == 0).collect();
        let parts: Vec<_> = parts.iter().map(|part| (part.name, part.attribute("class"))).collect();
        assert_eq!(
            parts,
            [("p", Some("what")), ("dl", Some("symbols")), ("ul", Some("mistakes"))],
            "{}",
            card.id
        );

        // Every loss is explained, also one that is not in the formula; names and meanings come in pairs.
        let (names, meanings) = (terms(&expected, "dt"), terms(&expected, "dd"));
        assert_losses(card, &names);
        assert_eq!((names.len(), &names), (card.losses.len(), &meanings), "{}", card.id);
        let pairs: Vec<&str> = expected.iter().map(|e| e.name).filter(|n| ["dt", "dd"].contains(n)).collect();
        assert!(pairs.chunks(2).all(|pair| pair == ["dt", "dd"]), "{}: {pairs:?}", card.id);
        let mistakes = expected.iter().filter(|element| element.name == "li").count();
        assert!((3..=5).contains(&mistakes), "{}: {mistakes} mistakes", card.id);

        for language in languages() {
            let html = fragment(card, &format!("{language}.html"));
            assert_eq!(elements(&html), expected, "{} in {language} has other elements", card.id);
            let what = html.split_once("</p>").and_then(|(what, _)| what.split_once('>'));
            assert_eq!(what.map(|(_, what)| sentences(what)), Some(3), "{} in {language}", card.id);
        }
    }
}

/// A family that was renamed or removed leaves none behind.
#[test]
fn each_folder_is_of_a_family() {
    for entry in fs::read_dir(explanations()).expect("there are explanations") {
        let name = entry.expect("readable").file_name();
        assert!(FAMILIES.iter().any(|family| *family.card.id == *name), "no family {}", name.display());
    }
}
