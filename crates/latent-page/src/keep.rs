//! Runs that outlive the tab: what is known of each, and its checkpoint.
//!
//! A tab writes only runs that it owns. Nothing here is waited for: where the browser keeps nothing, that is said once,
//! and everything else goes on.

mod database;
mod kept;
mod lock;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Date, Reflect, Uint8Array};
use latent_protocol::Phase;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::order::sorted;
use crate::store::Store;
use crate::text::{filled, text};
use database::Database;
pub use kept::{Kept, Place, State, test_loss};
pub use lock::Lock;

/// Most runs that are kept.
pub const MOST: usize = 12;

/// Ids of the runs that make way: finished ones first, older ones first, and none that a tab has.
fn surplus(runs: &[Kept]) -> Vec<String> {
    let rank = |run: &Kept| (run.state != State::Finished, run.saved_ms);
    let free = sorted(runs.iter().filter(|run| run.place == Place::Shelf), |a, b| rank(a) < rank(b));
    free.into_iter().take(runs.len().saturating_sub(MOST)).map(|run| run.id.clone()).collect()
}

/// Why nothing is kept, to go into a sentence.
fn explain(err: &JsValue) -> String {
    let name = Reflect::get(err, &"name".into()).ok().and_then(|name| name.as_string());
    match name.as_deref() {
        Some("QuotaExceededError") => text("keep.full").into(),
        None | Some("SecurityError") => text("keep.no-storage").into(),
        Some(name) => filled("keep.storage-failed", &[("error", &name)]),
    }
}

/// The runs of this browser, and the one of this tab.
pub struct Keep {
    store: Store,
    database: RefCell<Option<Database>>,
    current: RefCell<Option<Current>>,
    /// The lock of the run that this tab had before: it lives until the run is written.
    last: RefCell<(String, Weak<Lock>)>,
    /// What is to be written, at most once per run: of one run, the latest counts.
    waiting: RefCell<Vec<Write>>,
    is_writing: Cell<bool>,
    /// Whether it was said that nothing is kept.
    is_told: Cell<bool>,
}

struct Current {
    kept: Kept,
    /// The visitor left it: what the page shows is no longer about it, but its last checkpoint is still to come.
    is_left: bool,
    lock: Option<Rc<Lock>>,
}

struct Write {
    kept: Kept,
    bytes: Option<Uint8Array>,
    /// Of a run that is no longer this tab's: let go of when it is written.
    _lock: Option<Rc<Lock>>,
}

impl Keep {
    /// With nothing read yet.
    pub fn new(store: Store) -> Rc<Self> {
        Rc::new(Self {
            store,
            database: RefCell::default(),
            current: RefCell::default(),
            last: RefCell::default(),
            waiting: RefCell::default(),
            is_writing: Cell::default(),
            is_told: Cell::default(),
        })
    }

    /// A run began in this tab.
    pub fn begin(self: &Rc<Self>, kept: Kept) {
        let id = kept.id.clone();
        self.take_over(kept, None);
        let keep = Rc::clone(self);
        spawn_local(async move {
            let lock = lock::take(&id).await;
            if let Some(current) = keep.current.borrow_mut().as_mut().filter(|c| c.kept.id == id) {
                current.lock = lock.map(Rc::new);
            }
        });
    }

    /// A run goes on in this tab, which leaves the one it had.
    pub fn take_over(self: &Rc<Self>, mut kept: Kept, lock: Option<Rc<Lock>>) {
        if let Some(current) = self.current.borrow_mut().as_mut() {
            current.kept.leave();
        }
        self.close();
        (kept.place, kept.state) = (Place::Here, State::Open);
        *self.current.borrow_mut() = Some(Current { kept, is_left: false, lock });
        self.change_current(|_, _| {});
    }

    /// Whether this tab has a run.
    pub fn has_run(&self) -> bool {
        self.current.borrow().is_some()
    }

    /// The engine handed the run over.
    pub fn saved(self: &Rc<Self>, step: u64, bytes: &Uint8Array) {
        let kept = {
            let mut current = self.current.borrow_mut();
            // At its first step a run is as quickly begun anew.
            let Some(current) = current.as_mut().filter(|_| step > 0) else { return };
            if !current.is_left {
                current.kept.follow(self.store);
            }
            current.kept.progress.step = step;
            current.kept.saved_ms = Date::now();
            current.kept.clone()
        };
        self.write(kept, Some(bytes.clone()), None);
    }

    /// A test result came. While the run goes on it is written with the next checkpoint.
    pub fn evaluated(self: &Rc<Self>) {
        if !matches!(self.store.phase.get_untracked(), Phase::Paused | Phase::Finished) {
            return;
        }
        self.change_current(Kept::follow_from_afar);
    }

    /// The visitor leaves the run; the engine has still to hand it over.
    pub fn leave(&self) {
        if let Some(current) = self.current.borrow_mut().as_mut().filter(|current| !current.is_left) {
            current.kept.follow_from_afar(self.store);
            current.kept.leave();
            current.is_left = true;
        }
    }

    /// The run that was left goes on after all: the engine failed before it dropped it.
    pub fn stay(&self) {
        if let Some(current) = self.current.borrow_mut().as_mut() {
            current.is_left = false;
        }
    }

    /// This tab has no run any more. The one that it had, if the visitor left it.
    pub fn close(self: &Rc<Self>) -> Option<Kept> {
        let Current { mut kept, is_left, lock } = self.current.take()?;
        kept.place = Place::Shelf;
        if let Some(lock) = &lock {
            *self.last.borrow_mut() = (kept.id.clone(), Rc::downgrade(lock));
        }
        if kept.is_saved() {
            self.write(kept.clone(), None, lock);
        }
        is_left.then_some(kept)
    }

    /// Own a run, unless another tab does.
    pub async fn own(&self, id: &str) -> Option<Rc<Lock>> {
        let (last, lock) = self.last.borrow().clone();
        match lock.upgrade().filter(|_| last == id) {
            Some(lock) => Some(lock),
            None => lock::take(id).await.map(Rc::new),
        }
    }

    /// A run with its checkpoint, for this tab; none if another tab has it, or nobody any more.
    pub async fn fetch(&self, id: &str) -> Result<Option<(Kept, Uint8Array, Rc<Lock>)>, String> {
        let Some(lock) = self.own(id).await else { return Ok(None) };
        let found = async { self.database().await?.get(id).await }.await;
        let (run, bytes) = found.map_err(|err: JsValue| explain(&err))?;
        Ok(Kept::from_js(&run).zip(bytes).map(|(kept, bytes)| (kept, bytes, lock)))
    }

    /// Change what is known of a run.
    pub fn change(self: &Rc<Self>, id: &str, change: impl Fn(&mut Kept) + 'static) {
        let is_current = self.current.borrow().as_ref().is_some_and(|current| current.kept.id == id);
        if is_current {
            self.change_current(|kept, _| change(kept));
            return;
        }
        let (keep, id) = (Rc::clone(self), id.to_string());
        spawn_local(async move {
            match keep.fetch(&id).await {
                Ok(Some((mut kept, _, lock))) => {
                    change(&mut kept);
                    keep.write(kept, None, Some(lock));
                }
                _ => keep.refresh().await,
            }
        });
    }

    fn change_current(self: &Rc<Self>, change: impl FnOnce(&mut Kept, Store)) {
        let kept = {
            let mut current = self.current.borrow_mut();
            let Some(current) = current.as_mut().filter(|current| !current.is_left) else { return };
            change(&mut current.kept, self.store);
            current.kept.clone()
        };
        if kept.is_saved() {
            self.write(kept, None, None);
        }
    }

    /// Forget runs, but none that a tab has.
    pub async fn delete(self: &Rc<Self>, ids: Vec<String>) {
        let delete = async |id: &str| -> Result<(), JsValue> {
            match self.own(id).await {
                Some(_lock) => self.database().await?.delete(id).await,
                None => Ok(()),
            }
        };
        for id in &ids {
            if let Err(err) = delete(id).await {
                self.tell(&err);
            }
        }
        self.store.overlay.update(|overlay| overlay.retain(|id| !ids.contains(id)));
        self.refresh().await;
    }

    /// Read the list of runs again: other tabs change it too.
    pub async fn refresh(&self) {
        let found = async { self.database().await?.all().await }.await;
        let found = match found {
            Ok(found) => found,
            Err(err) => return self.store.unkept.set(Some(explain(&err))),
        };
        let held = lock::held().await;
        let runs = found.iter().filter_map(|run: JsValue| Kept::from_js(&run));
        let mut runs = sorted(runs, |a, b| a.saved_ms > b.saved_ms);
        for run in &mut runs {
            let is_current = self.current.borrow().as_ref().is_some_and(|current| current.kept.id == run.id);
            run.place = match (is_current, held.contains(&run.id)) {
                (true, _) => Place::Here,
                (false, true) => Place::Elsewhere,
                (false, false) => Place::Shelf,
            };
        }
        self.store.runs.set(runs);
    }

    /// Put a run into the list that is shown.
    fn show(&self, kept: &Kept) {
        self.store.runs.update(|runs| {
            runs.retain(|run| run.id != kept.id);
            let at = runs.partition_point(|run| run.saved_ms > kept.saved_ms);
            runs.insert(at, kept.clone());
        });
    }

    fn write(self: &Rc<Self>, kept: Kept, bytes: Option<Uint8Array>, lock: Option<Rc<Lock>>) {
        {
            let mut waiting = self.waiting.borrow_mut();
            let at = waiting.iter().position(|write| write.kept.id == kept.id);
            // Its bytes may still wait, and belong to what is known of it now.
            let bytes = bytes.or_else(|| at.and_then(|at| waiting.remove(at).bytes));
            waiting.retain(|write| write.kept.id != kept.id);
            waiting.push(Write { kept, bytes, _lock: lock });
        }
        if self.is_writing.replace(true) {
            return;
        }
        let keep = Rc::clone(self);
        spawn_local(async move {
            while let Some(write) = keep.next() {
                match keep.put(&write).await {
                    Ok(()) => keep.written(&write.kept).await,
                    Err(err) => keep.tell(&err),
                }
            }
            keep.is_writing.set(false);
        });
    }

    fn next(&self) -> Option<Write> {
        let mut waiting = self.waiting.borrow_mut();
        (!waiting.is_empty()).then(|| waiting.remove(0))
    }

    async fn put(&self, Write { kept, bytes, .. }: &Write) -> Result<(), JsValue> {
        self.database().await?.put(&kept.id, &kept.to_js()?, bytes.as_ref()).await
    }

    async fn written(self: &Rc<Self>, kept: &Kept) {
        self.store.unkept.set(None);
        let is_new = !self.store.runs.read_untracked().iter().any(|run| run.id == kept.id);
        if is_new {
            self.refresh().await;
        }
        self.show(kept);
        if !is_new {
            return;
        }
        let surplus = surplus(&self.store.runs.read_untracked());
        if !surplus.is_empty() {
            // What can be undone is said first.
            if self.store.toast.read_untracked().as_ref().is_none_or(|toast| !toast.undo) {
                self.store.toast(filled("keep.oldest-made-way", &[("most", &MOST)]));
            }
            self.delete(surplus).await;
        }
    }

    async fn database(&self) -> Result<Database, JsValue> {
        if let Some(database) = self.database.borrow().as_ref() {
            return Ok(database.clone());
        }
        let database = Database::open().await?;
        *self.database.borrow_mut() = Some(database.clone());
        Ok(database)
    }

    /// Say that nothing is kept.
    fn tell(&self, err: &JsValue) {
        let reason = explain(err);
        if !self.is_told.replace(true) {
            self.store.say(filled("keep.nothing-kept", &[("reason", &reason)]), None);
        }
        self.store.unkept.set(Some(reason));
    }
}

#[cfg(test)]
mod tests {
    use latent_protocol::{Progress, Settings};

    use super::*;

    fn kept(id: usize, state: State, place: Place) -> Kept {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let saved_ms = id as f64 + 1.0;
        Kept {
            id: id.to_string(),
            name: String::new(),
            family: String::new(),
            settings: Settings::default(),
            seed: 1,
            data: String::new(),
            begun_ms: 0.0,
            saved_ms,
            state,
            progress: Progress::default(),
            evaluated: None,
            history: Vec::new(),
            place,
        }
    }

    #[test]
    fn finished_runs_make_way_first_and_those_of_tabs_never() {
        let mut runs: Vec<Kept> = (0..MOST).map(|id| kept(id, State::Left, Place::Shelf)).collect();
        assert!(surplus(&runs).is_empty());
        runs.push(kept(MOST, State::Finished, Place::Shelf));
        assert_eq!(surplus(&runs), ["12"]);
        runs[MOST].place = Place::Here;
        runs[0].place = Place::Elsewhere;
        assert_eq!(surplus(&runs), ["1"]);
    }
}
