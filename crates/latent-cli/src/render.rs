//! `latent render`.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use latent_core::picture::Picture;
use latent_core::{LatentModel, Plane, weights};
use latent_protocol::Theme;
use pollster::block_on;

use crate::evaluate;

#[derive(clap::Args)]
pub struct Arguments {
    /// Files of weights: a checkpoint, or the decoder of a shipped model.
    #[arg(required = true)]
    weights: Vec<PathBuf>,
    /// Picture to write.
    #[arg(long, default_value = "manifold.png")]
    out: PathBuf,
    /// Tiles along one side.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=60))]
    grid: u16,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let model = evaluate::model(&evaluate::read(&arguments.weights)?)?;
    let picture = manifold(model.as_ref(), usize::from(arguments.grid), Theme::PLAIN)?;
    write(&picture, &arguments.out, png::BitDepth::Eight)?;
    println!("{} x {} pixels in {}", picture.width, picture.height, arguments.out.display());
    Ok(())
}

/// The plane of a model: `grid` x `grid` decoded tiles.
pub fn manifold(model: &dyn LatentModel, grid: usize, theme: Theme) -> anyhow::Result<Picture> {
    let z = model.plane().latent_from_unit(&Plane::tile_centers(grid));
    let pixels = block_on(weights::read(latent_core::decode(model, z)))?;
    Ok(Picture::mosaic(&pixels, grid, theme))
}

/// Write a grey PNG file, with a byte per pixel or, in four bits, with eight greys.
pub fn write(picture: &Picture, path: &Path, depth: png::BitDepth) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let (width, height) = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    let greys: Vec<u8> = picture.rgba.chunks_exact(4).map(|pixel| pixel[0]).collect();
    let bytes = if depth == png::BitDepth::Four {
        // Few greys make long runs, which pack best as they are.
        encoder.set_filter(png::Filter::NoFilter);
        let eighth = |grey: u8| ((u16::from(grey) * 7 + 127) / 255 * 15 + 3) / 7;
        let pair = |pair: &[u8]| eighth(pair[0]) << 4 | pair.get(1).map_or(0, |grey| eighth(*grey));
        let rows = greys.chunks_exact(picture.width).flat_map(|row| row.chunks(2));
        rows.map(|two| u8::try_from(pair(two)).unwrap_or(u8::MAX)).collect()
    } else {
        greys
    };
    encoder
        .write_header()?
        .write_image_data(&bytes)
        .with_context(|| format!("cannot write {}", path.display()))
}
