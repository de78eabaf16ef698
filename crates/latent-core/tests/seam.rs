//! Families are named in the core alone: everything else learns of them from their cards.

use std::fs;
use std::path::{Path, PathBuf};

use latent_core::models::FAMILIES;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_family_is_named_outside_the_core() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/").to_path_buf();
    let mut files = Vec::new();
    for name in ["latent-page", "latent-engine", "latent-cli", "latent-protocol"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 20);
    for file in files {
        let text = fs::read_to_string(&file).expect("text").to_lowercase();
        for family in FAMILIES {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '-');
            let named = words.filter(|word| *word == family.card.id).count();
            assert_eq!(named, 0, "{} names the family {}", file.display(), family.card.id);
        }
    }
}
