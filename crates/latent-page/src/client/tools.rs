//! What the page's tools ask of the engine, and what they are told.

use std::rc::Rc;
use std::sync::Arc;

use js_sys::{ArrayBuffer, Uint8Array};
use latent_protocol::{Command, DataSource, Event, ModelCard, OwnData, Path, Subject};
use leptos::prelude::*;

use super::{Client, Inner};
use crate::store::{Judged, Pictured, Remedy, TestImages};
use crate::told;

/// Test images whose places are shown.
pub const POINTS: usize = 10_000;

impl Client {
    /// The visitor's images that are trained on, if there are any.
    pub fn own_data(self) -> Option<(OwnData, Uint8Array)> {
        self.inner().data.borrow().clone()
    }

    /// Look at a test image through the model, or at nothing any more.
    pub fn observe(self, subject: Subject) {
        let inner = self.inner();
        let subject = inner.existing(subject);
        inner.store.subject.set(subject);
        if subject == Subject::None {
            inner.store.observed.set(None);
            inner.send_subject();
            return;
        }
        inner.with_encoder(|inner, _| inner.send_subject());
    }

    /// Look at a drawing through the model: 784 grey bytes, ink being 255.
    pub fn observe_drawing(self, pixels: &[u8]) {
        *self.inner().drawing.borrow_mut() = Some(Uint8Array::from(pixels));
        self.observe(Subject::Drawing);
    }

    /// The visitor's drawing that was looked at last: 784 grey bytes.
    pub fn drawing(self) -> Option<Uint8Array> {
        self.inner().drawing.borrow().clone()
    }

    /// Draw another code from the posterior of what is looked at.
    pub fn resample(self) {
        let inner = self.inner();
        inner.store.draw.update(|draw| *draw += 1);
        inner.send_subject();
    }

    /// Show where so many test images lie; 0 for none any more.
    pub fn want_points(self, count: usize) {
        let inner = self.inner();
        inner.points.set(count);
        if count == 0 {
            inner.send(&Command::Points { count });
            return;
        }
        inner.with_encoder(|inner, _| inner.send_points());
    }

    /// Have the first test images, to be looked at, unless they come anyway.
    pub fn want_preview(self, count: usize) {
        let inner = self.inner();
        if inner.points.get() == 0 {
            inner.send(&Command::Points { count });
        }
    }

    /// Travel along a path, or along none any more.
    pub fn travel(self, path: Option<Path>) {
        let inner = self.inner();
        inner.store.path.set(path.clone());
        if path.is_none() {
            inner.store.route.set(None);
        }
        inner.send(&Command::Travel { path });
    }

    /// Do one step slowly.
    pub fn dissect(self) {
        self.run(|family, settings, seed| Command::Dissect { family, settings, seed });
    }

    /// Have the model on show as a file, with the steps that it has learned if it is a run's. It comes without an encoder
    /// only if the model has none.
    pub fn export(self, then: impl FnOnce(Uint8Array, Option<u64>) + 'static) {
        self.inner().with_encoder(move |inner, _| {
            *inner.exporting.borrow_mut() = Some(Box::new(then));
            inner.send(&Command::Export);
        });
    }

    /// The run as bytes, as it was last saved.
    pub fn backup(self) -> Option<Uint8Array> {
        self.inner().backup.borrow().as_ref().map(|(bytes, _)| bytes.clone())
    }

    /// Open a file of the chosen family: a model, or a run.
    pub fn open(self, bytes: &Uint8Array, is_run: bool) {
        if is_run { self.restore(bytes, false) } else { self.load(bytes) }
    }

    /// Say of what family a file is, and offer to switch to it.
    pub fn offer(self, text: String, card: ModelCard, bytes: Uint8Array, is_run: bool) {
        let inner = self.inner();
        *inner.offered.borrow_mut() = Some((card, bytes, is_run));
        inner.store.say(text, Some(Remedy::Switch));
    }

    /// Show the model in a file of the chosen family. What is wrong with it comes as a notice; nothing else changes
    /// then.
    pub fn load(self, bytes: &Uint8Array) {
        let inner = self.inner();
        inner.give_up_taken();
        inner.leave_run();
        *inner.opened.borrow_mut() = Some(bytes.clone());
        inner.send_bytes(&Command::Load, bytes);
    }

    /// Train and measure on own images, or with none on those of the page again. The run is dropped.
    pub fn use_data(self, own: Option<(OwnData, Uint8Array)>) {
        let inner = self.inner();
        let back = own.is_none();
        inner.keep.leave();
        // The run would be of other images.
        inner.offers_undo.set(false);
        *inner.data_before.borrow_mut() = inner.data.replace(own);
        if back {
            inner.send(&Command::UseData { source: DataSource::Shipped });
        } else {
            inner.send_data();
        }
    }
}

impl Inner {
    /// Tell an engine that is new what the tools look at.
    pub(super) fn repeat_tools(self: &Rc<Self>) {
        if self.store.subject.get_untracked() != Subject::None {
            self.with_encoder(|inner, _| inner.send_subject());
        }
        if self.points.get() > 0 {
            self.with_encoder(|inner, _| inner.send_points());
        }
        if let Some(path) = self.store.path.get_untracked() {
            self.send(&Command::Travel { path: Some(path) });
        }
    }

    /// A test image that is there, as far as it is known how many are.
    fn existing(&self, subject: Subject) -> Subject {
        let facts = self.store.data_facts.read_untracked();
        let count = facts.as_ref().map(|facts| facts.test.iter().sum::<usize>());
        match (subject, count) {
            (Subject::Image(index), Some(count)) => Subject::Image(index.min(count.saturating_sub(1))),
            _ => subject,
        }
    }

    /// Another model is on show: look at the same through it.
    pub(super) fn look_again(self: &Rc<Self>) {
        if self.store.subject.get_untracked() != Subject::None {
            self.with_encoder(|inner, _| inner.send_subject());
        }
        if self.points.get() > 0 {
            self.with_encoder(|inner, has_encoder| {
                // Points that are known already follow by themselves.
                if has_encoder && inner.store.points.read_untracked().is_empty() {
                    inner.send_points();
                }
            });
        }
    }

    fn send_points(&self) {
        let count = self.points.get();
        // Meanwhile they may not be wanted any more.
        if count == 0 {
            return;
        }
        self.send(&Command::Points { count });
        if self.store.points.read_untracked().is_empty() {
            self.store.points.set(vec![[f32::NAN; 2]; count]);
        }
    }

    /// Give the engine in charge the own images, if there are any.
    pub(super) fn send_data(&self) {
        if let Some((own, bytes)) = self.data.borrow().as_ref() {
            self.send_bytes(&Command::UseData { source: DataSource::Own(own.clone()) }, bytes);
        }
    }

    fn send_subject(&self) {
        let (subject, draw) = (self.store.subject.get_untracked(), self.store.draw.get_untracked());
        let command = Command::Observe { subject, draw };
        match (subject, self.drawing.borrow().as_ref()) {
            (Subject::Drawing, Some(pixels)) => self.send_bytes(&command, pixels),
            _ => self.send(&command),
        }
    }

    /// What the engine tells the tools.
    pub(super) fn tool_said(self: &Rc<Self>, event: Event, bytes: Option<ArrayBuffer>) {
        let store = self.store;
        let bytes = bytes.map(|bytes| Uint8Array::new(&bytes).to_vec()).unwrap_or_default();
        match event {
            Event::Observed { observation } => store.observed.set(
                // What was on its way when another subject or family was chosen is not heard.
                observation
                    .filter(|seen| seen.subject == store.subject.get_untracked())
                    .filter(|_| store.model.read_untracked().is_some())
                    .map(|what| Pictured { what: told::observation(what), pixels: Arc::new(bytes) }),
            ),
            Event::TestImages { count } => {
                let (labels, pixels) = bytes.split_at(count.min(bytes.len()));
                store
                    .images
                    .set(Some(Arc::new(TestImages { labels: labels.to_vec(), pixels: pixels.to_vec() })));
                store.points.set(vec![[f32::NAN; 2]; count]);
            }
            Event::Points { first, .. } => store.points.update(|points| {
                let numbers: Vec<f32> =
                    bytes.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
                for (point, found) in points.iter_mut().skip(first).zip(numbers.as_chunks::<2>().0) {
                    *point = *found;
                }
            }),
            Event::Travelled { route } if store.path.read_untracked().is_some() => {
                store.route.set(Some(Pictured { what: route, pixels: Arc::new(bytes) }));
            }
            Event::Dissected { dissection } => {
                store.dissected.set(Some(Pictured { what: dissection, pixels: Arc::new(bytes) }));
            }
            Event::DataReady { facts } => {
                self.data_before.take();
                let is_own = self.data.borrow().is_some();
                let before = store.data_facts.get_untracked();
                store.has_own_data.set(is_own);
                // The images of the page arrive file by file: those that are shown already stay.
                if is_own || before.is_some_and(|before| before != facts) {
                    store.images.set(None);
                    store.points.update(Vec::clear);
                    self.send_points();
                }
                store.data_facts.set(Some(facts));
                let subject = self.existing(store.subject.get_untracked());
                if subject != store.subject.get_untracked() {
                    store.subject.set(subject);
                    self.send_subject();
                }
            }
            Event::Exported { step } => {
                if let Some(then) = self.exporting.take() {
                    then(Uint8Array::from(bytes.as_slice()), step);
                }
            }
            Event::Judged { z, class, share } => {
                self.judged(Some(Judged { z, verdict: Some((class, share)) }));
            }
            Event::Traced { trace } => {
                store.traced.set(Some(Pictured { what: trace, pixels: Arc::new(bytes) }));
                self.traced();
            }
            _ => {}
        }
    }
}
