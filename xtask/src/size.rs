//! `cargo xtask size`: what a visitor downloads, compressed with brotli as a host would, and whether every browser takes it.

use std::fs;
use std::io::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, anyhow, ensure};
use wasmparser::{Validator, WasmFeatures};

use crate::shell::root;

/// Bytes until the first digit can be dragged.
const FIRST_DRAG: usize = 956_000;
/// Bytes of the page alone: its wasm, markup and styles.
const PAGE: usize = 350_000;
/// Bytes of what comes with it: scripts, wasm's glue among them, and the words of a language.
const BESIDE: usize = 26_000;
/// Bytes of the engine that every visitor loads.
const ENGINE_CPU: usize = 422_500;
/// Bytes of the engine that those with a GPU load too.
const ENGINE_GPU: usize = 1_300_000;
const ENGINE_GPU_FILES: &str = "engine_gpu";
/// The decoder that a visitor sees first.
const DECODER_FILE: &str = "models/vae/decoder.safetensors";
/// The decoder as shipped, not compressed.
const DECODER: u64 = 500_000;

/// Print the table and compare with the budgets.
pub fn check() -> anyhow::Result<()> {
    let dist = root().join("dist");
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    files.retain(|path| !path.starts_with(dist.join("data")));
    files.sort();
    let (mut first_drag, mut page, mut beside, mut cpu, mut gpu) = (0, 0, 0, 0, 0);
    println!("{:>10} {:>10}  file of dist/ (bytes, brotli)", "raw", "brotli");
    for file in measured(&dist, &files)? {
        let File { name, raw, compressed, is_needed } = &file;
        if *is_needed {
            first_drag += compressed;
        }
        if name.starts_with(ENGINE_GPU_FILES) {
            gpu += compressed;
        } else if name.starts_with("engine_cpu") {
            cpu += compressed;
        } else if *is_needed && !name.starts_with("models/") {
            let is_page = [".wasm", ".html", ".css"].iter().any(|end| name.ends_with(end));
            *if is_page { &mut page } else { &mut beside } += compressed;
        }
        println!("{raw:>10} {compressed:>10}  {name}{}", if *is_needed { "" } else { " (later)" });
    }
    let mut broken = Vec::new();
    for (what, bytes, most) in [
        ("until the first digit can be dragged", first_drag, FIRST_DRAG),
        ("the page alone: wasm, markup, styles", page, PAGE),
        ("its scripts and words", beside, BESIDE),
        ("the CPU engine", cpu, ENGINE_CPU),
        ("the GPU engine", gpu, ENGINE_GPU),
    ] {
        println!("{:>10} {bytes:>10}  {what}; at most {most}", "");
        if bytes > most {
            broken.push(format!("{what}: {bytes} bytes instead of at most {most}"));
        }
    }
    ensure!(broken.is_empty(), "over budget: {}", broken.join("; "));
    let decoder = dist.join(DECODER_FILE);
    let bytes = fs::metadata(&decoder).with_context(|| format!("there is no {}", decoder.display()))?.len();
    ensure!(bytes <= DECODER, "the shipped decoder has {bytes} bytes: over the budget of {DECODER}");
    Ok(())
}

/// A published file.
struct File {
    /// Its path in `dist/`.
    name: String,
    raw: usize,
    compressed: usize,
    /// Needed until the first digit can be dragged.
    is_needed: bool,
}

/// Returns the files' sizes in their order, measured on every core: the strongest compression takes half a minute for
/// the GPU engine.
fn measured(dist: &Path, paths: &[PathBuf]) -> anyhow::Result<Vec<File>> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<(usize, File)>> {
        let mut files = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(place) else { return Ok(files) };
            files.push((place, File::measure(dist, path)?));
        }
    };
    let mut files = thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut files = Vec::new();
        for thread in threads {
            files.extend(thread.join().map_err(|_| anyhow!("measuring a file panicked"))??);
        }
        anyhow::Ok(files)
    })?;
    files.sort_by_key(|(place, _)| *place);
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

impl File {
    fn measure(dist: &Path, path: &Path) -> anyhow::Result<Self> {
        let name = path.strip_prefix(dist)?.to_string_lossy().into_owned();
        let bytes = fs::read(path)?;
        if path.extension().is_some_and(|extension| extension == "wasm") {
            check_instructions(&bytes).with_context(|| format!("{name} does not run in every browser"))?;
        }
        let first_model = name == DECODER_FILE || name == "models/vae/poster.png";
        let is_gpu = name.starts_with(ENGINE_GPU_FILES);
        // Who reads another language than English has its words instead, of the same size.
        let is_other_language = name.starts_with("text/") && name != "text/en.json";
        let is_later = is_gpu
            || is_other_language
            || ["engine_lab", "explain/", "gif-worker", "manifest", "sw.js", "tour.css", "vendor/"]
                .iter()
                .any(|later| name.contains(later));
        let is_needed = !is_later && (!name.starts_with("models/") || first_model);
        // The best that a host can do once and for all; the size of files that come later is rounder.
        let compressed = brotli(&bytes, if is_needed || is_gpu { 11 } else { 9 })?;
        Ok(Self { name, raw: bytes.len(), compressed, is_needed })
    }
}

/// Safari refuses a module that holds one instruction of relaxed SIMD, wherever it stands.
fn check_instructions(wasm: &[u8]) -> anyhow::Result<()> {
    let mut features = WasmFeatures::default();
    features.remove(WasmFeatures::RELAXED_SIMD);
    Validator::new_with_features(features).validate_all(wasm)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}; run `cargo xtask build`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn brotli(bytes: &[u8], quality: u32) -> anyhow::Result<usize> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, quality, 22);
    writer.write_all(bytes)?;
    Ok(writer.into_inner().len())
}

#[cfg(test)]
mod tests {
    use super::check_instructions;

    /// A module with a function that puts two vectors of zeros through a SIMD instruction.
    fn module(instruction: &[u8]) -> Vec<u8> {
        let zeros = [&[0xfd, 12][..], &[0; 16]].concat();
        let body = [&[0], zeros.as_slice(), &zeros, &[0xfd], instruction, &[0x0b]].concat();
        let length = u8::try_from(body.len()).expect("it is short");
        let types = [1, 5, 1, 0x60, 0, 1, 0x7b];
        let functions = [3, 2, 1, 0];
        [b"\0asm\x01\0\0\0", &types[..], &functions, &[10, length + 2, 1, length], &body].concat()
    }

    #[test]
    fn relaxed_instructions_are_refused() {
        // i8x16.swizzle (section 5.4.9 of the specification), and the relaxed one.
        check_instructions(&module(&[14])).expect("every browser has it");
        let err = check_instructions(&module(&[0x80, 0x02])).expect_err("not every browser has it");
        assert!(err.to_string().contains("relaxed"), "{err}");
    }
}
