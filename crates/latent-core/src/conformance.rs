//! What every family must do, present and future. The same checks run natively on the CPU and, with toy sizes,
//! in a browser on WebGPU.

use burn::tensor::Device;
use latent_protocol::{Control, Link, ModelCard, RESERVED, Settings};

use crate::CoreError;
use crate::data::{Dataset, PIXELS, SIDE, Shard};
use crate::family::{BoundTerms, Examples, Family, LatentModel, Posterior, codes, decode};
use crate::models::FAMILIES;
use crate::noise::{Noise, Stream};
use crate::plane::Plane;
use crate::training::{Advance, Run};
use crate::weights::{Precision, WeightFile, key, read};

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Everything, for a device that is quick at small tensors.
    Full,
    /// Fewer steps and no large models, for a GPU emulated in software.
    Toy,
}

/// Result of one check of one family.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Id of the family.
    pub family: String,
    /// Name of the check.
    pub check: &'static str,
    /// What was wrong.
    pub result: Result<(), String>,
}

type Checked = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        // Not `if !`: a comparison with NaN must fail.
        if $condition {
        } else {
            return Err(format!($($message)+));
        }
    };
}

/// Check all families on a device.
pub async fn check_all(device: &Device, depth: Depth) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for family in FAMILIES {
        let mut note = |check, result: Checked| {
            outcomes.push(Outcome { family: family.card.id.to_string(), check, result });
        };
        note("its card is complete", card(&family.card));
        note("its losses are those of its card", losses(device, family).await);
        note("it decodes to pixels", decodes(device, family).await);
        note("its abilities are those of its card", abilities(device, family).await);
        note("it learns a batch by heart", learns(device, family, depth).await);
        note("same seed, same run", repeats(device, family).await);
        note("a checkpoint goes on exactly", resumes(device, family).await);
        note("weights come back from a file", reloads(device, family).await);
        note("live settings change a run", adjusts(device, family).await);
        if depth == Depth::Full {
            note("each control takes its bounds", bounds(device, family));
        }
    }
    outcomes
}

/// The card's defaults at toy sizes.
#[must_use]
pub fn toy_settings(card: &ModelCard) -> Settings {
    // What does not fit a card keeps its default: `card` below finds that out.
    let mut settings = Settings::defaults(card);
    for h in card.hyperparameters.iter() {
        if let Control::Widths { fewest, .. } = &h.control {
            let text = vec!["16"; (*fewest).max(1) as usize].join("-");
            let _ = settings.set(card, &h.key, &text);
        }
    }
    let small = [
        ("batch_size", "8"),
        ("epochs", "100"),
        ("images", "8"),
        ("learning_rate", "0.01"),
        ("components", "2"),
        ("latent_dim", "2"),
    ];
    for (name, text) in small {
        let _ = settings.set(card, name, text);
    }
    settings
}

/// Eight training and eight test images: bars at different places.
#[must_use]
pub fn toy_dataset() -> Dataset {
    let shard = |shift: usize| {
        let mut shard = Shard::default();
        for label in 0..8 {
            let index = usize::from(label);
            let mut pixels = vec![0; PIXELS];
            for line in 4..24 {
                let across = 4 + (index / 2) * 5 + shift;
                let at = if index % 2 == 0 { line * SIDE + across } else { across * SIDE + line };
                pixels[at..at + 2].fill(255);
            }
            shard.pixels.extend(pixels);
            shard.labels.push(label);
        }
        shard
    };
    Dataset::complete("bars", shard(0), shard(1))
}

/// Noisy mixtures of the toy bars: no image lies in a plane exactly.
#[cfg(test)]
pub(crate) fn noisy_dataset() -> Dataset {
    let toy = toy_dataset();
    let mut noise = Noise::new(3, Stream::Test, 0);
    let mut shard = Shard::default();
    for index in 0..200u8 {
        let (first, second) = (noise.below(8), noise.below(8));
        let bar = |which: usize, at: usize| f32::from(toy.train().pixels[which * PIXELS + at]);
        for at in 0..PIXELS {
            let grey = 0.4 * bar(first, at) + 0.3 * bar(second, at) + 40.0 + 30.0 * noise.gauss();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            shard.pixels.push(grey.clamp(0.0, 255.0) as u8);
        }
        shard.labels.push(index % 10);
    }
    Dataset::complete("mixtures", shard.clone(), shard)
}

fn card(card: &ModelCard) -> Checked {
    let same = FAMILIES.iter().filter(|f| f.card.id == card.id).count();
    ensure!(same == 1, "the id {} is used {same} times", card.id);
    ensure!(
        card.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
        "id: {}",
        card.id
    );
    ensure!(!card.losses.is_empty(), "no losses");
    ensure!(card.paper.url.starts_with("https://"), "no paper");
    let texts = [&card.name, &card.summary, &card.paper.title, &card.paper.citation];
    ensure!(texts.iter().all(|text| !text.is_empty()), "an empty text");
    for h in card.hyperparameters.iter() {
        let same = card.hyperparameters.iter().filter(|other| other.key == h.key).count();
        ensure!(same == 1, "the key {} is used {same} times", h.key);
        ensure!(!RESERVED.contains(&h.key.as_ref()), "the key {} means something else in links", h.key);
        ensure!(!h.label.is_empty() && !h.help.is_empty(), "{} has no label or help", h.key);
        let default = h.default_value().to_string();
        ensure!(h.parse(&default).is_ok(), "the default {default} of {} does not fit", h.key);
    }
    presets(card)
}

/// Every preset says only what a link can say and what this card accepts.
fn presets(card: &ModelCard) -> Checked {
    for preset in card.presets.iter() {
        ensure!(!preset.title.is_empty(), "a preset has no title");
        let link = Link::parse(&preset.query);
        let mut settings = Settings::defaults(card);
        for (key, value) in &link.rest {
            settings.set(card, key, value).map_err(text)?;
        }
        // What was not understood, or is the default anyway, does not come back.
        let query = link.query(card, &settings);
        let said: Vec<&str> = query.trim_start_matches('?').split('&').collect();
        let lost = preset.query.split('&').find(|pair| !said.contains(pair));
        ensure!(lost.is_none(), "a preset is not understood at {lost:?}: it becomes {query}");
        let second = link.second.as_deref();
        ensure!(
            second.is_none_or(|id| FAMILIES.iter().any(|f| f.card.id == id)),
            "a preset compares with the unknown {second:?}"
        );
    }
    Ok(())
}

/// A run on toy data.
fn run(device: &Device, family: &Family, seed: u64) -> Result<Run, String> {
    Run::new(device, &family.card.id, &toy_settings(&family.card), seed, &toy_dataset()).map_err(text)
}

async fn steps(run: &mut Run, count: usize) -> Result<Vec<Vec<(&'static str, f32)>>, String> {
    let dataset = toy_dataset();
    let mut all = Vec::new();
    for _ in 0..count {
        match run.advance(&dataset) {
            Advance::Stepped(losses) => all.push(losses.read().await.map_err(text)?),
            Advance::Waiting => return Err("the run waits although all data is there".into()),
            Advance::Finished => return Err("the run ended early".into()),
        }
    }
    Ok(all)
}

async fn losses(device: &Device, family: &Family) -> Checked {
    let found = steps(&mut run(device, family, 1)?, 1).await?.remove(0);
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let declared: Vec<&str> = family.card.losses.iter().map(|term| term.key.as_ref()).collect();
    ensure!(names == declared, "{names:?} instead of {declared:?}");
    ensure!(found.iter().all(|(_, value)| value.is_finite()), "not finite: {found:?}");
    Ok(())
}

async fn decode_points(model: &dyn LatentModel, points: &[[f32; 2]]) -> Result<Vec<f32>, String> {
    let pixels = decode(model, model.plane().latent_from_unit(points));
    let shape = pixels.dims();
    ensure!(shape == [points.len(), 1, SIDE, SIDE], "decoded to {shape:?}");
    read(pixels).await.map_err(text)
}

const POINTS: [[f32; 2]; 5] = [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [0.2, 0.9], [0.8, 0.1]];

async fn decodes(device: &Device, family: &Family) -> Checked {
    let model = run(device, family, 1)?.snapshot();
    let pixels = decode_points(model.as_ref(), &POINTS).await?;
    ensure!(pixels.iter().all(|p| (0.0..=1.0).contains(p)), "pixels outside [0, 1]");
    let single = decode_points(model.as_ref(), &POINTS[3..4]).await?;
    let of_batch = &pixels[3 * PIXELS..4 * PIXELS];
    let apart = single.iter().zip(of_batch).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    ensure!(apart < 1e-4, "a code decodes differently alone and in a batch, by {apart}");
    Ok(())
}

async fn abilities(device: &Device, family: &Family) -> Checked {
    let (model, can) = (run(device, family, 1)?.snapshot(), family.card.abilities);
    let Plane { latent_dim, classes, .. } = model.plane();
    ensure!((classes > 0) == can.classes, "the card and the plane disagree on classes: {classes}");
    let examples = Examples::new(vec![1.0; 2 * PIXELS], &[3, 4], device);
    let posterior = model.encode(&examples);
    ensure!(posterior.is_some() == can.encode, "the card and `encode` disagree");
    if let Some(Posterior { mu, log_var }) = posterior {
        ensure!(mu.dims() == [2, latent_dim], "mu has the shape {:?}", mu.dims());
        ensure!(log_var.is_some() == can.likelihood.is_some(), "a likelihood goes with a posterior");
        let shape = log_var.map_or([2, latent_dim], |log_var| log_var.dims());
        ensure!(shape == [2, latent_dim], "log_var has the shape {shape:?}");
    }
    let again = model.reconstruct(&examples).map(|pixels| pixels.dims());
    ensure!(again == can.encode.then_some([2, PIXELS]), "`reconstruct` gave {again:?}");
    let eps = Noise::new(1, Stream::Test, 0).normal([3, 2, latent_dim], device);
    let bound = model.bound(&examples, eps);
    ensure!(bound.is_some() == (can.likelihood.is_some() && can.encode), "the card and `bound` disagree");
    if let Some(BoundTerms { reconstruction, kl, log_weight }) = bound {
        ensure!(reconstruction.dims() == [3, 2], "reconstruction {:?}", reconstruction.dims());
        ensure!(kl.dims() == [2, latent_dim] && log_weight.dims() == [3, 2], "shapes of the bound");
        let kl = read(kl).await.map_err(text)?;
        ensure!(kl.iter().all(|v| *v >= -1e-4), "a negative divergence: {kl:?}");
    }
    let z = || codes(model.as_ref(), model.plane().latent_from_unit(&POINTS));
    let pairs = model.log_likelihood(examples.images.clone(), z()).map(|pairs| pairs.dims());
    ensure!(pairs == can.likelihood.map(|_| [POINTS.len(), 2]), "`log_likelihood` gave {pairs:?}");
    let drawn = model.sample(z(), &mut Noise::new(1, Stream::View, 0)).map(|images| images.dims());
    ensure!(drawn == can.likelihood.map(|_| [POINTS.len(), 1, SIDE, SIDE]), "`sample` gave {drawn:?}");
    let exact = model.log_density(examples.images).map(|density| density.dims());
    ensure!(exact == can.exact.then_some([2]), "`log_density` gave {exact:?}");
    Ok(())
}

async fn learns(device: &Device, family: &Family, depth: Depth) -> Checked {
    let (count, factor) = if depth == Depth::Full { (80, 0.6) } else { (6, 0.95) };
    let losses = steps(&mut run(device, family, 1)?, count).await?;
    let (first, last) = (losses[0][0].1, losses[count - 1][0].1);
    ensure!(last < first * factor, "{first} became {last} in {count} steps, not below {factor} of it");
    Ok(())
}

async fn repeats(device: &Device, family: &Family) -> Checked {
    let first = steps(&mut run(device, family, 5)?, 3).await?;
    let again = steps(&mut run(device, family, 5)?, 3).await?;
    ensure!(first == again, "{first:?} became {again:?}");
    let other = steps(&mut run(device, family, 6)?, 3).await?;
    ensure!(first != other, "another seed gave the same losses");
    Ok(())
}

async fn resumes(device: &Device, family: &Family) -> Checked {
    let mut original = run(device, family, 2)?;
    steps(&mut original, 2).await?;
    let bytes = original.checkpoint().await.map_err(text)?;
    let mut resumed = Run::restore(device, &bytes, &toy_dataset()).map_err(text)?;
    ensure!(resumed.step() == 2, "resumed at step {}", resumed.step());
    let (expected, found) = (steps(&mut original, 2).await?, steps(&mut resumed, 2).await?);
    ensure!(expected == found, "{expected:?} became {found:?}");
    for end in [0, 8, bytes.len() / 2, bytes.len() - 1] {
        ensure!(Run::restore(device, &bytes[..end], &toy_dataset()).is_err(), "{end} bytes were accepted");
    }
    Ok(())
}

async fn reloads(device: &Device, family: &Family) -> Checked {
    let mut trained = run(device, family, 3)?;
    steps(&mut trained, 1).await?;
    let bytes = trained.weights().await.and_then(|file| Ok(file.to_bytes(Precision::F16)?)).map_err(text)?;
    let file = WeightFile::parse(&bytes).map_err(text)?;
    let model = (family.load)(device, &file).map_err(text)?;
    let before = decode_points(trained.snapshot().as_ref(), &POINTS).await?;
    let after = decode_points(model.as_ref(), &POINTS).await?;
    let apart = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    ensure!(apart < 0.01, "pixels moved by {apart}");
    let mut foreign = file;
    foreign.metadata.insert(key::FAMILY.into(), "another".into());
    ensure!((family.load)(device, &foreign).is_err(), "weights of another family were accepted");
    Ok(())
}

async fn adjusts(device: &Device, family: &Family) -> Checked {
    let card = &family.card;
    let mut adjusted = run(device, family, 4)?;
    let mut settings = adjusted.settings().clone();
    for h in card.hyperparameters.iter() {
        let other = match &h.control {
            Control::Real { min, max, .. } => ((min + max) / 2.0).to_string(),
            Control::Whole { max, .. } => max.to_string(),
            Control::Pick { .. } | Control::Widths { .. } => continue,
        };
        settings.set(card, &h.key, &other).map_err(|err| err.to_string())?;
    }
    adjusted.adjust(&settings).map_err(text)?;
    for h in card.hyperparameters.iter() {
        let taken = adjusted.settings().get(&h.key) == settings.get(&h.key);
        let kept = run(device, family, 4)?.settings().get(&h.key) == adjusted.settings().get(&h.key);
        ensure!(if h.live { taken } else { kept }, "{} was not treated as the card says", h.key);
    }
    steps(&mut adjusted, 1).await.map(|_| ())
}

fn bounds(device: &Device, family: &Family) -> Checked {
    let card = &family.card;
    for h in card.hyperparameters.iter() {
        let ends: Vec<String> = match &h.control {
            Control::Real { min, max, .. } => vec![min.to_string(), max.to_string()],
            Control::Whole { min, max, .. } => vec![min.to_string(), max.to_string()],
            Control::Pick { options, .. } => options.iter().map(|o| o.id.to_string()).collect(),
            Control::Widths { min, max, fewest, most, .. } => {
                let list = |width: u32, count: u32| vec![width.to_string(); count as usize].join("-");
                vec![list(*min, *fewest), list(*max, *fewest), list(*min, *most)]
            }
        };
        for end in ends {
            let mut settings = toy_settings(card);
            let set = settings.set(card, &h.key, &end).map_err(|err| err.to_string());
            set.and_then(|()| (family.trainer)(device, &settings, 1).map_err(text).map(|_| ()))
                .map_err(|err| format!("{} = {end}: {err}", h.key))?;
        }
    }
    Ok(())
}

fn text(err: impl Into<CoreError>) -> String {
    err.into().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_conforms_on_the_cpu() {
        // What the browser checks with fewer steps must hold here too.
        for depth in [Depth::Full, Depth::Toy] {
            let outcomes = pollster::block_on(check_all(&Device::flex(), depth));
            assert!(outcomes.len() >= 9 * FAMILIES.len());
            let failed: Vec<&Outcome> = outcomes.iter().filter(|o| o.result.is_err()).collect();
            assert!(failed.is_empty(), "{depth:?}: {failed:#?}");
        }
    }
}
