//! The data set on disk, as `cargo xtask data` packs it.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use latent_core::data::{Dataset, Shard, read_shard};
use latent_protocol::{DataManifest, ShardFile};

/// Read a whole data set from its folder.
pub fn load(folder: &Path) -> anyhow::Result<Dataset> {
    let index = folder.join("index.json");
    let advice = "run `cargo xtask data` to make www/data/mnist, or name another folder with --data";
    let text =
        fs::read_to_string(&index).with_context(|| format!("cannot read {}: {advice}", index.display()))?;
    let manifest: DataManifest = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a list of data files", index.display()))?;
    let mut dataset = Dataset::new(manifest.clone());
    for file in &manifest.train {
        dataset.push_train(shard(folder, file)?);
    }
    for file in &manifest.test {
        dataset.push_test(shard(folder, file)?);
    }
    Ok(dataset)
}

fn shard(folder: &Path, file: &ShardFile) -> anyhow::Result<Shard> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let shard = read_shard(&read(&file.images)?, &read(&file.labels)?)
        .with_context(|| format!("in {} and {}", file.images, file.labels))?;
    anyhow::ensure!(
        shard.labels.len() == file.count,
        "{} holds {} images, the index says {}",
        file.images,
        shard.labels.len(),
        file.count
    );
    Ok(shard)
}
