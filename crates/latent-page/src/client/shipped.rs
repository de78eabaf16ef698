//! Weights that come with the page: those of a family, its encoder, and the judge. Each is fetched when it is needed.

use std::rc::Rc;

use js_sys::Uint8Array;
use latent_protocol::{Command, Effort, Provenance};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Response;

use super::Inner;
use crate::text::text;
use crate::worker::absolute;

impl Inner {
    /// Fetch the shipped weights of the chosen family and show them.
    pub(super) fn load_shipped(self: &Rc<Self>) {
        let Some(card) = self.store.card.get_untracked().filter(|card| card.shipped) else { return };
        if self.has_own() {
            return;
        }
        self.loading.update(|loading| loading + 1);
        let inner = Rc::clone(self);
        spawn_local(async move {
            let url = absolute(&format!("models/{}/decoder.safetensors", card.id));
            let fetched = fetch(&url).await;
            inner.loading.update(|loading| loading - 1);
            let is_chosen = inner.store.card.read_untracked().as_ref().is_some_and(|c| c.id == card.id);
            // Meanwhile the visitor may have opened a file.
            if is_chosen && !inner.has_own() {
                inner.show_shipped(fetched);
            }
            if inner.loading.get() == 0
                && let Some(then) = inner.when_loaded.take()
            {
                then(&inner);
            }
        });
    }

    /// After a switch to a file that was refused there is no model yet.
    pub(super) fn have_a_model(self: &Rc<Self>) {
        if self.weights.borrow().is_none() {
            self.load_shipped();
        }
    }

    /// Whether a file of the visitor is on show, or about to be.
    pub(super) fn has_own(&self) -> bool {
        self.is_own.get() || self.opened.borrow().is_some()
    }

    fn show_shipped(&self, fetched: Result<Uint8Array, JsValue>) {
        match fetched {
            Ok(bytes) => {
                self.send_bytes(&Command::Load, &bytes);
                *self.weights.borrow_mut() = Some(bytes);
            }
            Err(_) => self.store.say(text("client.no-model"), None),
        }
    }

    /// Do something once no shipped weights are on their way. Only the latest waits.
    pub(super) fn once_loaded(&self, then: impl FnOnce(&Self) + 'static) {
        if self.loading.get() == 0 {
            then(self);
        } else {
            *self.when_loaded.borrow_mut() = Some(Box::new(then));
        }
    }

    /// The family whose encoder is missed: shipped decoders come without it, since few visitors need it.
    fn lacks_encoder(&self) -> Option<String> {
        let card = self.store.card.get_untracked().filter(|card| card.shipped && card.abilities.encode)?;
        let model = self.store.model.get_untracked().filter(|_| !self.has_own())?;
        let lacks = model.provenance == Provenance::File && !model.encodes && self.encoder.borrow().is_none();
        lacks.then(|| card.id.into_owned())
    }

    /// Fetch the encoder if the model lacks it, and go on; `then` hears whether the model can encode.
    pub(super) fn with_encoder(self: &Rc<Self>, then: impl FnOnce(&Rc<Self>, bool) + 'static) {
        let Some(id) = self.lacks_encoder() else {
            then(self, true);
            return;
        };
        let is_fetched = self.awaiting_encoder.borrow().iter().any(|(family, _)| *family == id);
        self.awaiting_encoder.borrow_mut().push((id.clone(), Box::new(then)));
        if is_fetched {
            return;
        }
        let inner = Rc::clone(self);
        spawn_local(async move {
            let fetched = fetch(&absolute(&format!("models/{id}/encoder.safetensors"))).await;
            // Meanwhile another model may have been chosen.
            if inner.lacks_encoder().as_ref() == Some(&id) {
                match fetched {
                    Ok(bytes) => {
                        inner.send_bytes(&Command::Complete, &bytes);
                        *inner.encoder.borrow_mut() = Some(bytes);
                    }
                    Err(_) => inner.store.say(text("client.no-encoder"), None),
                }
            }
            let (ready, others): (Vec<_>, Vec<_>) =
                inner.awaiting_encoder.take().into_iter().partition(|(family, _)| *family == id);
            *inner.awaiting_encoder.borrow_mut() = others;
            for (_, then) in ready {
                then(&inner, inner.lacks_encoder().is_none());
            }
        });
    }

    /// Ask for a measurement, once the encoder and the judge are here.
    pub(super) fn start_measuring(self: &Rc<Self>) {
        self.asked_to_measure.set(false);
        self.with_encoder(|inner, has_encoder| {
            if !has_encoder {
                inner.store.measuring.set(None);
                return;
            }
            let inner = Rc::clone(inner);
            spawn_local(async move {
                let judge = inner.judge().await;
                // Stop may have been pressed meanwhile.
                if inner.store.measuring.get_untracked().is_none() {
                    return;
                }
                if let Ok(judge) = judge {
                    inner.asked_to_measure.set(true);
                    inner.send_bytes(&Command::Measure { effort: Effort::TAB }, &judge);
                } else {
                    inner.store.measuring.set(None);
                    inner.store.say(text("client.no-judge"), None);
                }
            });
        });
    }

    /// The classifier that looks at digits.
    pub(super) async fn judge(&self) -> Result<Uint8Array, JsValue> {
        if let Some(judge) = self.judge.borrow().as_ref() {
            return Ok(judge.clone());
        }
        let judge = fetch(&absolute("models/judge.safetensors")).await?;
        *self.judge.borrow_mut() = Some(judge.clone());
        Ok(judge)
    }
}

async fn fetch(url: &str) -> Result<Uint8Array, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str(url)).await?.unchecked_into();
    if !response.ok() {
        return Err(response.status().into());
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer))
}
