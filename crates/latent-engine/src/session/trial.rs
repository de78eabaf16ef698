//! The trial of a device: the time of a digit, a plane and a training step.

use latent_core::data::{Dataset, PIXELS, SIDE, Shard};
use latent_core::picture::Tiles;
use latent_core::training::{Advance, Run, TrainingConfig};
use latent_core::{CoreError, Device, Plane, decode, models};
use latent_protocol::{Settings, Theme, Timings};

use crate::host::{Host, Surface};

/// Rounds that count; the minimum is reported, since disturbances only add time.
const ROUNDS: usize = 3;

/// Ratio to the other device's time at which the trial ends early.
const HOPELESS: f64 = 3.0;

/// Limits of the steps in a round, as between two reports of a run: their number, and the milliseconds after which none begins.
const STEPS: u32 = 8;
const STEPS_MS: f64 = 16.0;

/// A run on synthetic images and its timings so far.
pub struct Trial {
    run: Run,
    dataset: Dataset,
    /// Milliseconds of the other device.
    rival_ms: Option<f64>,
    rounds: usize,
    best: Option<Timings>,
}

impl Trial {
    /// Returns a trial on a device with a family's settings.
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
        let settings = settings.checked(card)?;
        let count = TrainingConfig::from(&settings).batch_size;
        // Not zeros: some families would have no gradients, and denormal numbers are slow.
        let pattern = |count: usize| Shard {
            pixels: (0..=u8::MAX).cycle().step_by(83).take(count * PIXELS).collect(),
            labels: vec![0; count],
        };
        let dataset = Dataset::complete("pattern", pattern(count), pattern(1));
        let run = Run::new(device, family, &settings, 1, &dataset)?;
        Ok(Self { run, dataset, rival_ms, rounds: 0, best: None })
    }

    /// Runs one round and returns the timings after the last. The first round warms up and does not count.
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

        // A copy: a family that is solved in one step would have nothing left to do in the second round.
        let (mut run, mut steps, mut unread) = (self.run.fork(), 0, None);
        while steps < STEPS
            && host.now_ms() - drawn < STEPS_MS
            && let Advance::Stepped(losses) = run.advance(&self.dataset)
        {
            steps += 1;
            unread = Some(losses);
        }
        // A GPU has finished once its numbers can be read.
        if let Some(losses) = unread {
            losses.read().await?;
        }
        let step_ms = (host.now_ms() - drawn) / f64::from(steps.max(1));
        Ok(Timings { decode_ms: decoded - start, plane_ms: drawn - decoded, step_ms })
    }
}
