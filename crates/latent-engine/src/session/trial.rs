//! The trial of a device: how long it takes for what a visitor waits for.

use latent_core::data::{Dataset, PIXELS, SIDE, Shard};
use latent_core::picture::Tiles;
use latent_core::training::{Advance, EPOCHS, Run, TrainingConfig};
use latent_core::{CoreError, Device, Plane, decode, models};
use latent_protocol::{Settings, Theme, Timings};

use crate::host::{Host, Surface};

/// Rounds that count, of which the quickest is told: whatever disturbs one makes it slower.
const ROUNDS: usize = 3;

/// A round that takes this many times the other device's decides the trial.
const HOPELESS: f64 = 3.0;

/// Steps of a round at most, and milliseconds after which no other is begun: as many as between two reports of a run.
const STEPS: u32 = 8;
const STEPS_MS: f64 = 16.0;

/// A run on images that show nothing, with what was timed of it.
pub struct Trial {
    run: Run,
    dataset: Dataset,
    /// What the other device took, in milliseconds.
    rival_ms: Option<f64>,
    rounds: usize,
    best: Option<Timings>,
}

impl Trial {
    /// A trial on a device with a family's settings.
    ///
    /// # Errors
    /// When there is no such family or the settings do not fit its card.
    pub fn new(
        device: &Device,
        family: &str,
        settings: &Settings,
        rival_ms: Option<f64>,
    ) -> Result<Self, CoreError> {
        let card = &models::family(family)?.card;
        let mut settings = settings.checked(card)?;
        // It must not end before the trial does.
        settings.set(card, &EPOCHS.key, "1000")?;
        let count = TrainingConfig::from(&settings).batch_size;
        // Any pattern: of zeros alone some families could learn nothing, and numbers too small to be quick.
        let pattern = |count: usize| Shard {
            pixels: (0..=u8::MAX).cycle().step_by(83).take(count * PIXELS).collect(),
            labels: vec![0; count],
        };
        let dataset = Dataset::complete("pattern", pattern(count), pattern(1));
        let run = Run::new(device, family, &settings, 1, &dataset)?;
        Ok(Self { run, dataset, rival_ms, rounds: 0, best: None })
    }

    /// Do a round; the timings when it was the last one. The first one warms up and does not count.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn advance(&mut self, host: &impl Host, grid: usize) -> Result<Option<Timings>, CoreError> {
        let round = self.round(host, grid).await?;
        self.rounds += 1;
        if self.rounds == 1 {
            return Ok(None);
        }
        let best = match self.best.take() {
            Some(best) if best.total_ms() <= round.total_ms() => best,
            _ => round,
        };
        let is_hopeless = self.rival_ms.is_some_and(|rival| best.total_ms() > HOPELESS * rival);
        self.best = Some(best.clone());
        Ok((is_hopeless || self.rounds > ROUNDS).then_some(best))
    }

    async fn round(&mut self, host: &impl Host, grid: usize) -> Result<Timings, CoreError> {
        let model = self.run.snapshot();
        let plane = model.plane();
        let size = (grid * SIDE, grid * SIDE);
        let paint = |points: &[[f32; 2]], columns: usize, row: usize| {
            let images = decode(model.as_ref(), plane.latent_from_unit(points));
            host.paint(Surface::Trial, Tiles { images, columns, theme: Theme::PLAIN }, row * SIDE, size)
        };

        let start = host.now_ms();
        paint(&[[0.5; 2]], 1, 0).await?;
        let decoded = host.now_ms();

        let (centers, rows) = (Plane::tile_centers(grid), (host.tiles_at_once() / grid).clamp(1, grid));
        for (band, points) in centers.chunks(rows * grid).enumerate() {
            paint(points, grid, band * rows).await?;
        }
        let drawn = host.now_ms();

        let mut steps = 0;
        while let Advance::Stepped(losses) = self.run.advance(&self.dataset) {
            steps += 1;
            if steps == STEPS || host.now_ms() - drawn >= STEPS_MS {
                losses.read().await?;
                break;
            }
        }
        let step_ms = (host.now_ms() - drawn) / f64::from(steps.max(1));
        Ok(Timings { decode_ms: decoded - start, plane_ms: drawn - decoded, step_ms })
    }
}
