//! What is drawn of a model: the digit under the handle and the plane.

use latent_core::data::SIDE;
use latent_core::picture::Tiles;
use latent_core::{CoreError, LatentModel, Plane, decode, weights};
use latent_protocol::{Event, PlaneLook, Strip, Theme};

use super::strip;
use crate::host::{Host, Surface};

/// Fewest milliseconds between two drawings of the plane of a model that learns.
const FOLLOW_MS: f64 = 250.0;

/// The model on show and what of it has yet to be drawn.
pub struct View {
    model: Option<Box<dyn LatentModel>>,
    theme: Theme,
    grid: usize,
    point: [f32; 2],
    look: PlaneLook,
    /// Codes of the test images that the plane goes through.
    anchors: Option<[Vec<f32>; 3]>,
    strip: Strip,
    /// KL of each latent, if it was measured.
    latent_kl: Vec<f64>,
    /// Whether the two above belong to an older model.
    codes_due: bool,
    digit_due: bool,
    /// What has changed since someone asked.
    change: Change,
    plane: Progress,
    /// When the plane was last finished, and how long it took.
    drawn_ms: f64,
    cost_ms: f64,
}

/// What has changed of what is on show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    #[default]
    None,
    /// The weights of the model, or how it is looked at.
    Look,
    /// It is another model.
    Model,
}

/// How far the plane is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Done,
    /// From this row of tiles on; milliseconds spent so far.
    From(usize, f64),
}

impl Default for View {
    fn default() -> Self {
        Self {
            model: None,
            theme: Theme::PLAIN,
            grid: 20,
            point: [0.5; 2],
            look: PlaneLook::default(),
            anchors: None,
            strip: Strip::None,
            latent_kl: Vec::new(),
            codes_due: false,
            digit_due: false,
            change: Change::None,
            plane: Progress::Done,
            drawn_ms: f64::NEG_INFINITY,
            cost_ms: 0.0,
        }
    }
}

impl View {
    /// Show a model.
    pub fn show(&mut self, model: Box<dyn LatentModel>) {
        self.model = Some(model);
        self.latent_kl = Vec::new();
        self.change = Change::Model;
        self.refresh();
    }

    /// Go on drawing with newer weights.
    pub fn renew(&mut self, model: Box<dyn LatentModel>) {
        self.model = Some(model);
    }

    /// Draw nothing more until another model is shown.
    pub fn clear(&mut self) {
        self.model = None;
    }

    /// Draw everything anew.
    pub fn refresh(&mut self) {
        self.codes_due = true;
        self.digit_due = true;
        if self.change == Change::None {
            self.change = Change::Look;
        }
        self.plane = Progress::From(0, 0.0);
    }

    /// What has changed since this was asked last.
    pub fn take_change(&mut self) -> Change {
        std::mem::take(&mut self.change)
    }

    /// Draw everything anew when the last drawing is old enough: at most a fifth of the time goes into it.
    pub fn follow(&mut self, now_ms: f64) {
        let pause = FOLLOW_MS.max(4.0 * self.cost_ms);
        if self.plane == Progress::Done && now_ms - self.drawn_ms >= pause {
            self.refresh();
        }
    }

    pub fn set_look(&mut self, theme: Theme, grid: u32, point: [f32; 2]) {
        self.set_theme(theme);
        self.set_grid(grid);
        self.set_point(point);
    }

    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
        self.refresh();
    }

    pub fn set_grid(&mut self, grid: u32) {
        self.grid = grid.clamp(1, 60) as usize;
        self.plane = Progress::From(0, 0.0);
    }

    /// Tiles along one side of the plane.
    pub fn grid(&self) -> usize {
        self.grid
    }

    pub fn set_plane(&mut self, look: PlaneLook) {
        if look.anchors.is_none() {
            self.anchors = None;
        }
        self.look = look;
        self.refresh();
    }

    pub fn set_strip(&mut self, strip: Strip) {
        self.strip = strip;
        self.codes_due = true;
        self.digit_due = true;
    }

    /// What must be encoded before the next drawing: the anchors of the plane, and whether the KL of each latent is
    /// wanted.
    pub fn wanted_codes(&self) -> (Option<[usize; 3]>, bool) {
        if !self.codes_due {
            return (None, false);
        }
        (self.look.anchors, self.strip == Strip::Traversals)
    }

    /// Take what was encoded.
    pub fn set_codes(&mut self, anchors: Option<[Vec<f32>; 3]>, latent_kl: Option<Vec<f64>>) {
        self.anchors = anchors;
        if let Some(latent_kl) = latent_kl {
            self.latent_kl = latent_kl;
        }
        self.codes_due = false;
    }

    /// The model on show.
    pub fn model(&self) -> Option<&dyn LatentModel> {
        self.model.as_deref()
    }

    /// The class that is drawn.
    pub fn class(&self) -> usize {
        self.look.class
    }

    /// The plane of a model as it is looked at.
    pub fn plane_of(&self, model: &dyn LatentModel) -> Plane {
        let plane = model.plane();
        // What does not fit another model is forgotten.
        let axes =
            if self.look.axes.iter().all(|axis| *axis < plane.latent_dim) { self.look.axes } else { [0, 1] };
        let plane = plane.with_class(self.look.class);
        match &self.anchors {
            Some(anchors) if anchors.iter().all(|anchor| anchor.len() == plane.latent_dim) => {
                plane.with_anchors(anchors)
            }
            _ => plane.with_axes(axes).with_held(&self.look.held),
        }
    }

    /// The code under the handle, and the model that decodes it.
    pub fn code(&self) -> Option<(&dyn LatentModel, Vec<f32>)> {
        let model = self.model()?;
        Some((model, self.plane_of(model).latent_from_unit(&[self.point])))
    }

    pub fn set_point(&mut self, point: [f32; 2]) {
        self.point = point;
        self.digit_due = true;
    }

    /// Whether something has yet to be drawn.
    pub fn is_due(&self) -> bool {
        self.digit_due || self.plane != Progress::Done
    }

    /// Draw the digit and the strip, or else the next band of the plane.
    pub async fn draw(&mut self, host: &impl Host, step: Option<u64>) -> Result<(), CoreError> {
        let Some(model) = self.model.as_deref() else {
            self.digit_due = false;
            self.plane = Progress::Done;
            return Ok(());
        };
        let (start, read_before) = (host.now_ms(), weights::bytes_read());
        let plane = self.plane_of(model);
        if self.digit_due {
            self.digit_due = false;
            let z = plane.latent_from_unit(&[self.point]);
            let digit = Tiles { images: decode(model, z.clone()), columns: 1, theme: self.theme };
            host.paint(Surface::Digit, digit, 0, (SIDE, SIDE)).await?;
            let decode_ms = host.now_ms() - start;
            if let Some((images, columns)) = strip::images(self.strip, model, &z, &self.latent_kl) {
                let strip = Tiles { images, columns, theme: self.theme };
                let size = strip.size();
                host.paint(Surface::Strip, strip, 0, size).await?;
            }
            let read_bytes = weights::bytes_read() - read_before;
            host.emit(Event::Decoded { point: self.point, z, decode_ms, read_bytes });
        } else if let Progress::From(row, spent_ms) = self.plane {
            let grid = self.grid;
            let rows = (host.tiles_at_once() / grid).clamp(1, grid - row);
            let centers = &Plane::tile_centers(grid)[row * grid..(row + rows) * grid];
            let images = decode(model, plane.latent_from_unit(centers));
            let tiles = Tiles { images, columns: grid, theme: self.theme };
            host.paint(Surface::Plane, tiles, row * SIDE, (grid * SIDE, grid * SIDE)).await?;
            let draw_ms = spent_ms + host.now_ms() - start;
            self.plane = Progress::From(row + rows, draw_ms);
            if row + rows == grid {
                self.plane = Progress::Done;
                self.drawn_ms = host.now_ms();
                self.cost_ms = draw_ms;
                let (grid, memory_bytes) = (u32::try_from(grid).unwrap_or(u32::MAX), host.memory_bytes());
                host.emit(Event::PlaneDrawn { grid, draw_ms, step, memory_bytes });
            }
        }
        Ok(())
    }
}
