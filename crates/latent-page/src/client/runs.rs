//! Runs that are left, kept, and gone on with.

use std::rc::Rc;

use js_sys::Uint8Array;
use latent_protocol::{Command, ModelSummary, Phase, Provenance};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{Client, Inner};
use crate::format;
use crate::keep::{Keep, Kept, Lock};
use crate::provenance;
use crate::store::Toast;
use crate::text::{filled, text, told};

/// A run that was dropped, and whether it was training.
pub(super) type Dropped = (Kept, Uint8Array, bool);

/// A run that is being taken up.
pub(super) struct Taken {
    bytes: Uint8Array,
    running: bool,
    /// What is known of it; nothing of one from a file.
    known: Option<(Kept, Rc<Lock>)>,
}

impl Taken {
    /// As the client remembers it.
    pub(super) fn backup(&self) -> (Uint8Array, bool) {
        (self.bytes.clone(), self.running)
    }

    fn is(&self, id: &str) -> bool {
        self.known.as_ref().is_some_and(|(kept, _)| kept.id == id)
    }
}

impl Client {
    /// The runs that outlive the tab.
    pub fn keep(self) -> Rc<Keep> {
        Rc::clone(&self.inner().keep)
    }

    /// Keep the run as it is now.
    pub fn save(self) {
        let inner = self.inner();
        if inner.keep.has_run() {
            inner.send(&Command::Save);
        }
    }

    /// Go on with a run that is kept.
    pub fn resume(self, id: String) {
        let inner = self.inner();
        let is_taken = inner.taken.borrow().as_ref().is_some_and(|taken| taken.is(&id));
        if is_taken || inner.is_fetching.replace(true) {
            return;
        }
        spawn_local(async move {
            match inner.keep.fetch(&id).await {
                Ok(Some((kept, bytes, lock))) => {
                    inner.store.lapse.clear();
                    inner.take_up(kept, lock, bytes, true);
                }
                Ok(None) => {
                    inner.store.say(text("client.run-elsewhere"), None);
                    inner.keep.refresh().await;
                }
                Err(reason) => inner.store.say(filled("client.run-unreadable", &[("reason", &reason)]), None),
            }
            inner.is_fetching.set(false);
        });
    }

    /// Bring back the run that was dropped last, as it was.
    pub fn undo_reset(self) {
        let inner = self.inner();
        inner.store.toast.set(None);
        let Some((kept, bytes, running)) = inner.dropped.take() else { return };
        spawn_local(async move {
            if let Some(lock) = inner.keep.own(&kept.id).await {
                inner.take_up(kept, lock, bytes, running);
            }
        });
    }

    /// Take up a run from a file, of the chosen family.
    pub fn restore(self, bytes: &Uint8Array, running: bool) {
        let inner = self.inner();
        inner.hold_run();
        inner.store.lapse.clear();
        inner.begin_to_take(Taken { bytes: bytes.clone(), running, known: None });
    }
}

impl Inner {
    /// Go on with a run: choose what it is a run of, then hand it to the engine. What the page shows of it follows when
    /// the engine has it.
    fn take_up(self: &Rc<Self>, kept: Kept, lock: Rc<Lock>, bytes: Uint8Array, running: bool) {
        let store = self.store;
        let facts = store.data_facts.read_untracked();
        let here = facts.as_ref().map(|facts| format!("{} ({})", facts.name, facts.version));
        drop(facts);
        if let Some(here) = here.filter(|here| *here != kept.data) {
            let (there, here) = (told(&kept.data), told(&here));
            return store.say(filled("client.run-other-images", &[("there", &there), ("here", &here)]), None);
        }
        let card = store.families.read_untracked().iter().find(|card| card.id == kept.family).cloned();
        let Some(card) = card else {
            return store.say(text("client.run-other-model"), None);
        };
        store.notice.set(None);
        let is_chosen = store.card.read_untracked().as_ref().is_some_and(|chosen| chosen.id == card.id);
        if is_chosen {
            self.hold_run();
        } else {
            self.choose(card);
        }
        store.settings.set(kept.settings.clone());
        store.seed.set(kept.seed);
        self.begin_to_take(Taken { bytes, running, known: Some((kept, lock)) });
    }

    fn begin_to_take(&self, taken: Taken) {
        *self.taken.borrow_mut() = Some(taken);
        self.once_loaded(|inner| {
            if let Some(Taken { bytes, running, .. }) = inner.taken.borrow().as_ref() {
                inner.send_bytes(&Command::Restore { running: *running }, bytes);
            }
        });
    }

    /// Whether a run waits for the weights on their way before it is taken up: Train means that one.
    pub(super) fn goes_on_with_taken(&self) -> bool {
        let mut taken = self.taken.borrow_mut();
        let waits = taken.as_mut().filter(|_| self.loading.get() > 0);
        waits.map(|taken| taken.running = true).is_some()
    }

    /// A run that waits to be taken up is not wanted any more.
    pub(super) fn give_up_taken(&self) {
        self.taken.take();
        self.when_loaded.take();
    }

    /// Have the run kept exactly before another takes its place: a pause is answered with it.
    pub(super) fn hold_run(&self) {
        if matches!(self.store.phase.get_untracked(), Phase::Running | Phase::Waiting) {
            self.send(&Command::Pause);
        }
    }

    /// The visitor leaves the run. The engine hands it over once more.
    pub(super) fn leave_run(&self) {
        self.keep.leave();
        self.offers_undo.set(true);
    }

    /// The visitor wanted to leave it for something that was refused.
    pub(super) fn stay_with_run(&self) {
        self.keep.stay();
        self.offers_undo.set(false);
    }

    /// The engine shows the model of a run: of a new one, or of one that it took up.
    pub(super) fn follow_run(&self, summary: &ModelSummary) {
        if summary.provenance != Provenance::Run {
            return;
        }
        let store = self.store;
        let is_fresh = provenance::entry(summary, "step").is_some_and(|step| step == "0");
        let taken = if is_fresh { None } else { self.taken.take() };
        if let Some(taken) = &taken {
            *self.backup.borrow_mut() = Some(taken.backup());
        }
        let is_new = match taken.map(|taken| taken.known) {
            Some(Some((kept, lock))) => {
                store.history.set(kept.history.clone());
                store.evaluated.set(kept.evaluated.clone());
                store.progress.set(Some(kept.progress.clone()));
                self.keep.take_over(kept, Some(lock));
                false
            }
            Some(None) => {
                self.took_up(summary);
                true
            }
            // An engine that takes over has the run that was there before.
            None => is_fresh || !self.keep.has_run(),
        };
        if is_new {
            store.forget_run();
            // The second model's runs are not kept: it is there to be compared with.
            if let Some(card) = store.card.get_untracked().filter(|_| store.prefix.is_empty()) {
                self.keep.begin(Kept::new(store, &card, summary));
            }
        } else {
            self.keep.stay();
        }
        // The engine counts from here.
        self.elapsed_ms
            .set(store.progress.read_untracked().as_ref().map_or(0.0, |progress| progress.elapsed_ms));
    }

    /// A run from a file is there: Train goes on with it, and so needs its settings.
    fn took_up(&self, summary: &ModelSummary) {
        if let Some(card) = self.store.card.read_untracked().as_ref() {
            self.store.settings.set(provenance::settings(summary, card));
        }
        if let Some(seed) = provenance::entry(summary, "seed").and_then(|seed| seed.parse().ok()) {
            self.store.seed.set(seed);
        }
    }

    /// The engine has no run any more.
    pub(super) fn run_is_gone(self: &Rc<Self>) {
        let backup = self.backup.take();
        let kept = self.keep.close();
        self.store.forget_run();
        let can_undo = self.offers_undo.take();
        if let Some((kept, (bytes, running))) =
            kept.zip(backup).filter(|(kept, _)| can_undo && kept.progress.step > 0)
        {
            let text = filled("client.run-dropped", &[("step", &format::thousands(kept.progress.step))]);
            self.store.toast.set(Some(Toast { text, undo: true }));
            *self.dropped.borrow_mut() = Some((kept, bytes, running));
        }
    }

    /// The engine refused a run.
    pub(super) fn not_taken_up(&self) {
        if self.taken.take().is_none() {
            // Its model is shown already, but there is no run to it.
            self.backup.take();
            self.keep.close();
            self.send(&Command::Reset);
        }
    }
}
