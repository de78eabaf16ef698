//! The laboratory's worker, what it does and what it found.

use js_sys::{Array, Uint8Array};
use latent_protocol::lab::{ExperimentCard, LabEvent, LabTask};
use latent_protocol::{DataSource, Subject};
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use super::finding::{Shown, show};
use crate::client::{Client, DATA};
use crate::store::Store;
use crate::text::{filled, text, told};
use crate::{format, told, width, worker};

/// The laboratory. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Bench {
    pub store: Store,
    client: Client,
    worker: StoredValue<Option<Connection>, LocalStorage>,
    /// Cards of all experiments; empty until the worker is up.
    pub cards: RwSignal<Vec<ExperimentCard>>,
    /// The experiment under way, by its number among the cards.
    pub running: RwSignal<Option<usize>>,
    /// How far it is, 0 to 1.
    pub done: RwSignal<f64>,
    /// Model and image that it examines.
    about: RwSignal<String>,
    /// What is told of it to those who do not see its panel.
    pub said: RwSignal<String>,
    /// Why there is no worker.
    pub fault: RwSignal<Option<String>>,
    /// What is seen of each experiment, and where.
    desks: StoredValue<Vec<(NodeRef<Div>, Shown)>, LocalStorage>,
}

/// A worker with what listens to it.
struct Connection {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Bench {
    pub fn new(store: Store, client: Client) -> Self {
        let bench = Self {
            store,
            client,
            worker: StoredValue::new_local(None),
            cards: RwSignal::new(Vec::new()),
            running: RwSignal::new(None),
            done: RwSignal::new(0.0),
            about: RwSignal::new(String::new()),
            said: RwSignal::new(String::new()),
            fault: RwSignal::new(None),
            desks: StoredValue::new_local(Vec::new()),
        };
        Effect::new(move |_| {
            store.theme.track();
            bench.desks.with_value(|desks| (0..desks.len()).for_each(|index| bench.draw(index)));
        });
        bench
    }

    /// Where an experiment's finding is seen.
    pub fn place(self, index: usize) -> NodeRef<Div> {
        let (place, wide) = (NodeRef::new(), RwSignal::new(0.0));
        self.desks.update_value(|desks| {
            desks.truncate(index);
            desks.push((place, Shown::default()));
        });
        Effect::new(move |_| {
            if let Some(place) = place.get() {
                width::follow(&place, wide);
            }
        });
        Effect::new(move |_| {
            wide.track();
            self.draw(index);
        });
        place
    }

    /// Start the worker unless it is there.
    pub fn open(self) {
        if self.worker.with_value(Option::is_some) {
            return;
        }
        self.fault.set(None);
        match self.connect() {
            Ok(connection) => self.worker.set_value(Some(connection)),
            Err(err) => self.fault.set(Some(format!("{err:?}"))),
        }
    }

    fn connect(self) -> Result<Connection, JsValue> {
        let worker = worker::start("engine_lab")?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            match serde_wasm_bindgen::from_value(message.data()) {
                Ok(event) => self.hear(event),
                Err(err) => self.broke(&filled("worker.not-understood", &[("error", &err)])),
            }
        });
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error| self.broke(&worker::fault(&error)));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Connection { worker, _on_message: on_message, _on_error: on_error })
    }

    /// The image that is looked at: the one of the page's tools, or else the first test image.
    pub fn subject(self) -> Subject {
        match self.store.subject.get() {
            Subject::None => Subject::Image(0),
            subject => subject,
        }
    }

    /// Examine the model on show.
    pub fn begin(self, index: usize) {
        let subject = untrack(|| self.subject());
        self.done.set(0.0);
        self.running.set(Some(index));
        self.say("laboratory.under-way");
        self.show(index, Shown::default());
        let (own, class) = (self.client.own_data(), self.store.look.read_untracked().class);
        let source = own.as_ref().map_or(DataSource::Shipped, |(own, _)| DataSource::Own(own.clone()));
        let task = LabTask {
            experiment: self.cards.read_untracked()[index].id.to_string(),
            subject,
            class: u8::try_from(class).unwrap_or(0),
            source,
            data_url: worker::absolute(DATA),
            models_url: worker::absolute("models"),
        };
        self.client.export(move |model, step| {
            // Stop may have been pressed meanwhile.
            if self.running.get_untracked() != Some(index) {
                return;
            }
            self.about.set(untrack(|| self.about(subject, step)));
            let drawing = if subject == Subject::Drawing { self.client.drawing() } else { None };
            let given = |part: Option<Uint8Array>| part.map_or(JsValue::UNDEFINED, JsValue::from);
            let parts = Array::of3(&model, &given(drawing), &given(own.map(|(_, bytes)| bytes)));
            let sent = serde_wasm_bindgen::to_value(&task).map_err(JsValue::from).and_then(|task| {
                let message = Array::of2(&task, &parts);
                self.worker.with_value(|connection| match connection {
                    Some(connection) => connection.worker.post_message(&message),
                    None => Ok(()),
                })
            });
            if let Err(err) = sent {
                self.broke(&format!("{err:?}"));
            }
        });
    }

    /// Stop what is under way. A worker that computes hears nothing, so it ends and another begins.
    pub fn stop(self) {
        self.say("laboratory.stopped");
        self.running.set(None);
        self.worker.set_value(None);
        self.open();
    }

    fn hear(self, event: LabEvent) {
        match event {
            // A worker that is there again has the same.
            LabEvent::Ready { experiments } if self.cards.read_untracked().is_empty() => {
                self.cards.set(experiments.into_iter().map(told::experiment).collect());
            }
            LabEvent::Ready { .. } => {}
            LabEvent::Progress { done, finding } => {
                self.done.set(done);
                if let (Some(index), Some(finding)) = (self.running.get_untracked(), finding) {
                    self.show(index, Shown { finding: told::finding(finding), ..Shown::default() });
                }
            }
            LabEvent::Found { finding, label, image, elapsed_ms } => {
                let (about, seconds) = (self.about.get_untracked(), format::decimal(elapsed_ms / 1000.0, 1));
                let class = label.map(|label| untrack(|| self.store.class_label(label)));
                let key = if class.is_some() { "laboratory.origin-of-class" } else { "laboratory.origin" };
                let class = class.unwrap_or_default();
                let origin = filled(key, &[("about", &about), ("class", &class), ("seconds", &seconds)]);
                self.end(Shown { finding: told::finding(finding), text: origin, image });
            }
            LabEvent::Failed { reason } => self.end(Shown { text: told(&reason), ..Shown::default() }),
        }
    }

    fn end(self, shown: Shown) {
        if let Some(index) = self.running.get_untracked() {
            self.say(if shown.image.is_empty() { "laboratory.failed" } else { "laboratory.done" });
            self.running.set(None);
            self.show(index, shown);
        }
    }

    /// Say of the experiment under way what the text of this key says of it.
    fn say(self, key: &str) {
        let cards = self.cards.read_untracked();
        let card = self.running.get_untracked().and_then(|index| cards.get(index));
        self.said.set(card.map(|card| filled(key, &[("name", &card.name)])).unwrap_or_default());
    }

    fn show(self, index: usize, shown: Shown) {
        self.desks.update_value(|desks| desks[index].1 = shown);
        self.draw(index);
    }

    fn draw(self, index: usize) {
        self.desks.with_value(|desks| {
            let (place, shown) = &desks[index];
            if let Some(place) = place.get_untracked() {
                show(&place, shown, self.store.theme.get_untracked());
            }
        });
    }

    fn broke(self, reason: &str) {
        self.end(Shown { text: filled("laboratory.broke", &[("reason", &reason)]), ..Shown::default() });
        // The worker's own handler is running: it is dropped after it.
        let broken = self.worker.try_update_value(Option::take).flatten();
        set_timeout(move || drop(broken), std::time::Duration::ZERO);
        self.fault.set(Some(reason.to_string()));
    }

    /// What is examined, as in `Principal components, step 300; test image 7`.
    fn about(self, subject: Subject, step: Option<u64>) -> String {
        let name = self.store.card.get().map(|card| card.name).unwrap_or_default();
        let model = match step {
            None => filled("laboratory.as-loaded", &[("model", &name)]),
            Some(step) => {
                filled("laboratory.at-step", &[("model", &name), ("step", &format::thousands(step))])
            }
        };
        let image = match subject {
            Subject::Image(number) => filled("laboratory.of-image", &[("number", &number)]),
            _ => text("laboratory.of-drawing").into(),
        };
        model + "; " + &image
    }
}
