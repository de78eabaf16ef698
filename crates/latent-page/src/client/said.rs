//! What the engine in charge says.

use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use latent_protocol::{Command, Event, ModelSummary, Phase, Provenance, Strip};
use leptos::prelude::*;

use super::engine::Engine;
use super::{Inner, same};
use crate::store::{DataState, Evaluated, Measured, Remedy};
use crate::text::{filled, text, told};
use crate::{format, measure, timing, told};

impl Inner {
    pub(super) fn current_said(
        self: &Rc<Self>,
        engine: &Rc<Engine>,
        event: Event,
        bytes: Option<ArrayBuffer>,
    ) {
        let store = self.store;
        match event {
            Event::Ready { device, families } => {
                let mut device = told::device(device);
                if let Some(reason) = self.failure.borrow_mut().take() {
                    device.reason = filled("client.started-again", &[("reason", &reason)]);
                }
                store.device.set(Some(device));
                store.meet(families.into_iter().map(told::card).collect());
                self.hand_over_to(engine);
                self.repeat_look();
            }
            Event::GpuProbed { usable: true, .. } => self.start_next(),
            Event::GpuProbed { usable: false, reason } => self.explain_cpu(told(&reason)),
            Event::Tried(timings) => self.try_next(timings),
            Event::Loaded(summary) => {
                // Of the family that was left, something may still be on its way.
                let is_chosen = store.card.read_untracked().as_ref().is_some_and(|c| c.id == summary.family);
                if is_chosen {
                    self.follow_run(&summary);
                    self.loaded(summary);
                }
            }
            Event::Decoded { point, z, decode_ms, read_bytes } => {
                store.read_bytes.set(read_bytes);
                self.decoded(engine, point, z, decode_ms);
            }
            Event::PlaneDrawn { draw_ms, memory_bytes, step, .. } => {
                store.memory_bytes.set(memory_bytes);
                if let Some(hosts) = self.hosts.borrow().as_ref() {
                    engine.show(hosts);
                }
                store.plane_ms.set(draw_ms);
                store.drawn.set(step);
                self.note("plane", draw_ms);
            }
            Event::DataProgress { received, total, images, images_total } => {
                store.data.set(Some(DataState { received, total, images, images_total }));
            }
            Event::PhaseChanged { phase } => {
                if phase == Phase::Idle {
                    // What was still on its way when the run was dropped.
                    self.run_is_gone();
                }
                store.phase.set(phase);
                if phase == Phase::Paused {
                    // Also after single steps and a divergence.
                    self.send(&Command::Save);
                }
            }
            Event::Progress(mut progress) => {
                progress.elapsed_ms += self.elapsed_ms.get();
                store.record(progress);
            }
            Event::Evaluated { step, loss } => {
                store.record_test(Evaluated { step, loss: told::test_loss(loss) });
                self.keep.evaluated();
            }
            Event::Latents { kl } => store.latent_kl.set(kl),
            // What was on its way when the engine was told to stop begins nothing anew.
            Event::Measuring { done } => store.measuring.update(|measuring| {
                if let Some(measuring) = measuring {
                    *measuring = done;
                }
            }),
            Event::Measured { table, step } => {
                // A family that was left is not heard of any more.
                let is_awaited = store.measuring.get_untracked().is_some();
                store.measuring.set(None);
                if let Some(table) = table.filter(|_| is_awaited) {
                    let facts = measure::facts(store, step.is_some());
                    store.measured.set(Some(Measured { table: told::measures(table), step, facts }));
                }
            }
            Event::Diverged { step, learning_rate, suggestion } => {
                let rate = format::plain(&learning_rate.to_string());
                let said = filled("client.diverged", &[("step", &format::thousands(step)), ("rate", &rate)]);
                store.say(said, Some(Remedy::LowerRate(suggestion)));
            }
            Event::Saved { step, running, is_run } => self.saved(step, running, bytes.filter(|_| is_run)),
            Event::Observed { .. }
            | Event::TestImages { .. }
            | Event::Points { .. }
            | Event::Travelled { .. }
            | Event::Dissected { .. }
            | Event::DataReady { .. }
            | Event::Exported { .. }
            | Event::Judged { .. }
            | Event::Traced { .. } => self.tool_said(event, bytes),
            Event::Failed { command, reason } if command == "attach" => {
                self.current_failed(&told(&reason));
            }
            Event::Failed { command, reason } => self.refused(&command, told(&reason)),
            Event::Fault { reason } => self.current_failed(&told(&reason)),
        }
    }

    /// The engine could not do what it was asked.
    fn refused(self: &Rc<Self>, command: &str, reason: String) {
        match command {
            "load" if self.opened.take().is_some() => {
                self.stay_with_run();
                self.have_a_model();
            }
            "restore" => {
                self.passes_over.set(false);
                self.not_taken_up();
                self.have_a_model();
            }
            "data" => {
                *self.data.borrow_mut() = self.data_before.take();
                self.stay_with_run();
            }
            // Nobody asked for these by hand.
            "judge" => return self.judged(None),
            "trace" => return self.traced(),
            "try" => return self.next_failed(&reason),
            "measure" | "stop measuring" => self.store.measuring.set(None),
            _ => {}
        }
        self.store.say(reason, None);
    }

    fn loaded(self: &Rc<Self>, summary: ModelSummary) {
        if summary.provenance == Provenance::Run {
            self.passes_over.set(false);
        } else if self.passes_over.get() {
            return;
        }
        if summary.provenance == Provenance::File
            && let Some(bytes) = self.opened.take()
        {
            *self.weights.borrow_mut() = Some(bytes);
            self.encoder.take();
            self.is_own.set(true);
            self.store.toast(text("client.file-on-show"));
        }
        if self.store.show(summary) {
            self.send_look();
            self.send_strip();
        }
        // What is looked at may need the encoder of a model that came back without it.
        let has_anchors = self.store.look.read_untracked().anchors.is_some();
        if has_anchors || self.store.strip.get_untracked() == Strip::Traversals {
            self.with_encoder(|_, _| {});
        }
        self.look_again();
    }

    fn decoded(&self, engine: &Rc<Engine>, point: [f32; 2], z: Vec<f32>, decode_ms: f64) {
        // What was drawn first is shown at once, the plane when it is complete.
        if !engine.replaces()
            && let Some(hosts) = self.hosts.borrow().as_ref()
        {
            engine.show(hosts);
        }
        self.store.z.set(z);
        self.store.decode_ms.set(decode_ms);
        self.note("decode", decode_ms);
        let Some((asked, since)) = self.moving.get() else { return };
        if same(asked, point) {
            self.note("drag", timing::now_ms() - since);
            self.moving.set(None);
            if !same(self.store.point.get_untracked(), point) {
                self.send_move();
            }
        }
    }

    fn saved(self: &Rc<Self>, step: u64, running: bool, bytes: Option<ArrayBuffer>) {
        if let Some(bytes) = bytes {
            let bytes = Uint8Array::new(&bytes);
            self.keep.saved(step, &bytes);
            *self.backup.borrow_mut() = Some((bytes, running));
        }
        let next = self.next.borrow().clone();
        if let Some(next) = next.filter(|next| next.replaces()) {
            // The answer to the question asked when it was elected: from here on it is in charge.
            if let Some(old) = self.current.replace(Some(Rc::clone(&next))) {
                old.end();
            }
            self.next.take();
            self.store.device.set(next.report());
            self.hand_over_to(&next);
            // The look may have changed since it was started.
            self.send(&Command::Grid { grid: self.store.grid.get_untracked() });
            self.send(&Command::Recolor { theme: self.store.theme.get_untracked() });
            self.repeat_look();
            self.send_deferred();
            self.send_move();
            if self.store.measuring.get_untracked().is_some() {
                // What the other engine had measured so far is lost.
                self.start_measuring();
            }
        }
    }
}
