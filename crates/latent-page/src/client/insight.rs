//! What is told of the digit under the handle: by the judge, and of the networks at work.

use std::cell::Cell;
use std::rc::Rc;

use latent_protocol::Command;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{Client, Inner};
use crate::store::Judged;

/// A question of which one is on its way at a time, and the latest counts.
#[derive(Default)]
pub struct Question {
    is_open: Cell<bool>,
    is_due: Cell<bool>,
}

impl Question {
    /// Whether it can be asked now; else it is asked again when it was answered.
    fn ask(&self) -> bool {
        let was_open = self.is_open.replace(true);
        self.is_due.set(was_open);
        !was_open
    }

    /// It was answered. Whether it is to be asked again.
    fn answered(&self) -> bool {
        self.is_open.set(false);
        self.is_due.take()
    }
}

impl Client {
    /// Have the judge look at the digit under the handle. It is fetched when it is asked for the first time.
    pub fn judge(self) {
        self.inner().ask_judge();
    }

    /// Have the networks followed, from the code under the handle to its digit and back.
    pub fn trace(self) {
        self.inner().ask_trace();
    }

    /// Have the encoder, where the model has one.
    pub fn want_encoder(self) {
        self.inner().with_encoder(|_, _| {});
    }
}

impl Inner {
    fn ask_judge(self: &Rc<Self>) {
        let Some(engine) = self.engine_with_model() else { return };
        // It knows the digits of the page's images only.
        if self.store.has_own_data.get_untracked() {
            self.unjudged();
            return;
        }
        if !engine.judging.ask() {
            return;
        }
        if engine.has_judge.get() {
            self.send(&Command::Judge);
            return;
        }
        let inner = Rc::clone(self);
        spawn_local(async move {
            // Without a network there is no judge: nobody asked for it in particular.
            let judge = inner.judge().await;
            match judge {
                Ok(judge) if !engine.has_judge.replace(true) => engine.send_bytes(&Command::Judge, &judge),
                _ => {
                    engine.judging.answered();
                    inner.unjudged();
                }
            }
        });
    }

    fn ask_trace(self: &Rc<Self>) {
        if self.engine_with_model().is_some_and(|engine| engine.tracing.ask()) {
            self.send(&Command::Trace);
        }
    }

    /// The engine in charge, if it has a model to speak of.
    fn engine_with_model(&self) -> Option<Rc<super::engine::Engine>> {
        self.store.model.read_untracked().as_ref()?;
        self.current.borrow().clone()
    }

    /// The judge answered, with what it saw if it could see anything.
    pub(super) fn judged(self: &Rc<Self>, seen: Option<Judged>) {
        match seen {
            Some(seen) => self.store.judged.set(Some(seen)),
            None => self.unjudged(),
        }
        if self.engine_with_model().is_some_and(|engine| engine.judging.answered()) {
            self.ask_judge();
        }
    }

    /// Nobody can judge the digit under the handle.
    fn unjudged(&self) {
        let z = self.store.z.get_untracked();
        self.store.judged.set(Some(Judged { z, verdict: None }));
    }

    /// The networks were followed.
    pub(super) fn traced(self: &Rc<Self>) {
        if self.engine_with_model().is_some_and(|engine| engine.tracing.answered()) {
            self.ask_trace();
        }
    }
}
