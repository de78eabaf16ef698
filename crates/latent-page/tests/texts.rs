//! Whether all languages have all words, and the sources use no others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Keys and texts of each language, English first.
fn languages() -> Vec<(String, BTreeMap<String, String>)> {
    let files = fs::read_dir(root().join("www/text")).expect("the folder of languages");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a plain name"));
    let mut codes: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_string()))
        .filter(|name| !name.ends_with(".engine"))
        .collect();
    codes.sort_by_key(|code| (code != "en", code.clone()));
    let texts = |code: &String| {
        let file = fs::read_to_string(root().join(format!("www/text/{code}.json"))).expect("a file");
        let texts: BTreeMap<String, String> = serde_json::from_str(&file).expect("keys with texts");
        let places: Vec<_> = texts.keys().map(|key| file.find(&format!("\n  \"{key}\":"))).collect();
        assert!(places.is_sorted() && !places.contains(&None), "{code}: keys in order, a line each");
        (code.clone(), texts)
    };
    codes.iter().map(texts).collect()
}

/// All sources in which keys stand.
fn sources() -> String {
    let mut text = String::new();
    let mut folders = vec![root().join("crates/latent-page/src"), root().join("www")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_string();
            if path.is_dir() && path.parent().is_some_and(|folder| !folder.ends_with("www")) {
                folders.push(path);
            } else if ["rs", "js", "html"].contains(&end.as_str()) {
                text += &fs::read_to_string(path).expect("a source");
            }
        }
    }
    text
}

/// The names in braces.
fn values(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

/// A key without what the code adds to it: the forms of a plural.
fn stem(key: &str) -> &str {
    ["zero", "one", "two", "few", "many", "other"]
        .iter()
        .find_map(|form| key.strip_suffix(form)?.strip_suffix('.'))
        .unwrap_or(key)
}

#[test]
fn every_language_has_every_text_with_the_same_values() {
    let all = languages();
    assert_eq!(all[0].0, "en");
    assert!(all.len() > 1, "a language beside English");
    let english = &all[0].1;
    for (code, texts) in &all[1..] {
        let stems = |texts: &BTreeMap<String, String>| {
            texts.keys().map(|key| stem(key).to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(stems(texts), stems(english), "{code}");
        for (key, text) in texts {
            assert!(!text.is_empty(), "{code}: {key}");
            // Languages have plurals of their own.
            let of_english = english.get(key).or_else(|| english.get(&format!("{}.other", stem(key))));
            let of_english = of_english.unwrap_or_else(|| panic!("{code}: {key}"));
            assert_eq!(values(text), values(of_english), "{code}: {key}");
        }
    }
}

#[test]
fn every_text_is_used_and_every_key_has_a_text() {
    let (sources, english) = (sources(), &languages()[0].1);
    let is_literal =
        |key: &str| ['"', '\''].iter().any(|quote| sources.contains(&format!("{quote}{key}{quote}")));
    let unused: Vec<_> = english
        .keys()
        .filter(|key| match key.strip_prefix("tour.") {
            // Steps are named once, for title, text and place.
            Some(step) => !is_literal(key) && !is_literal(step.trim_end_matches(".text")),
            None => !is_literal(stem(key)),
        })
        .collect();
    assert_eq!(unused, Vec::<&String>::new(), "unused");
    let known: BTreeSet<&str> = english.keys().flat_map(|key| [key.as_str(), stem(key)]).collect();
    for call in ["text(\"", "filled(\"", "counted(\"", "say('", "data-text=\"", "data-label=\""] {
        for rest in sources.split(call).skip(1) {
            let key = rest.split(['"', '\'']).next().unwrap_or_default();
            // Documents and tests of the machinery aside.
            assert!(known.contains(key) || !key.contains('.'), "there is no text {key}");
        }
    }
}

#[test]
fn the_menu_has_every_language() {
    let script = fs::read_to_string(root().join("www/words.js")).expect("a source");
    let (_, list) = script.split_once("const LANGUAGES = {").expect("the list of languages");
    let (list, _) = list.split_once('}').expect("its end");
    let listed: Vec<&str> =
        list.split(',').filter_map(|entry| Some(entry.split_once(':')?.0.trim())).collect();
    let codes: Vec<String> = languages().into_iter().map(|(code, _)| code).collect();
    assert_eq!(listed, codes);
    for code in &codes[1..] {
        assert!(root().join(format!("www/text/{code}.engine.json")).is_file(), "{code}: what engines say");
    }
}
