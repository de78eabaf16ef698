//! The browser's own database: small descriptions of runs in one place, their bytes in another.
//!
//! Written on the browser's interface itself: when storage is full the transaction aborts, and why it did is asked of
//! the transaction, which the wrappers around it do not hand out.

use js_sys::{Array, Promise, Uint8Array};
use leptos::prelude::window;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbRequest, IdbTransaction, IdbTransactionMode};

const NAME: &str = "latent-explorer";
const VERSION: u32 = 1;

/// Descriptions, by id.
const RUNS: &str = "runs";
/// Checkpoints, by id.
const BYTES: &str = "bytes";

/// An open database; a cheap handle.
#[derive(Clone)]
pub struct Database(IdbDatabase);

impl Database {
    /// Open it; the first time, make it.
    pub async fn open() -> Result<Self, JsValue> {
        let factory = window().indexed_db()?.ok_or(JsValue::UNDEFINED)?;
        let request = factory.open_with_u32(NAME, VERSION)?;
        let opening = request.clone();
        let make = Closure::once(move || -> Result<(), JsValue> {
            let database: IdbDatabase = opening.result()?.unchecked_into();
            database.create_object_store(RUNS)?;
            database.create_object_store(BYTES)?;
            Ok(())
        });
        request.set_onupgradeneeded(Some(make.as_ref().unchecked_ref()));
        let database = JsFuture::from(answer(&request)).await;
        request.set_onupgradeneeded(None);
        match database {
            Ok(_) => Ok(Self(request.result()?.unchecked_into())),
            Err(_) => Err(reason(request.error().ok().flatten())),
        }
    }

    /// The descriptions of all runs.
    pub async fn all(&self) -> Result<Array, JsValue> {
        let request = self.begin(IdbTransactionMode::Readonly)?.object_store(RUNS)?.get_all()?;
        JsFuture::from(answer(&request)).await?;
        Ok(request.result()?.unchecked_into())
    }

    /// A run's description and its bytes; undefined when there is none.
    pub async fn get(&self, id: &str) -> Result<(JsValue, Option<Uint8Array>), JsValue> {
        let transaction = self.begin(IdbTransactionMode::Readonly)?;
        let run = transaction.object_store(RUNS)?.get(&id.into())?;
        let bytes = transaction.object_store(BYTES)?.get(&id.into())?;
        done(&transaction).await?;
        Ok((run.result()?, bytes.result()?.dyn_into().ok()))
    }

    /// Keep a run's description, and its bytes if they are other ones: both or nothing.
    pub async fn put(&self, id: &str, run: &JsValue, bytes: Option<&Uint8Array>) -> Result<(), JsValue> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        let put = || -> Result<(), JsValue> {
            if let Some(bytes) = bytes {
                transaction.object_store(BYTES)?.put_with_key(bytes, &id.into())?;
            }
            transaction.object_store(RUNS)?.put_with_key(run, &id.into())?;
            Ok(())
        };
        if let Err(err) = put() {
            transaction.abort()?;
            return Err(err);
        }
        done(&transaction).await
    }

    /// Forget a run.
    pub async fn delete(&self, id: &str) -> Result<(), JsValue> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        transaction.object_store(RUNS)?.delete(&id.into())?;
        transaction.object_store(BYTES)?.delete(&id.into())?;
        done(&transaction).await
    }

    fn begin(&self, mode: IdbTransactionMode) -> Result<IdbTransaction, JsValue> {
        let places = Array::of2(&RUNS.into(), &BYTES.into());
        self.0.transaction_with_str_sequence_and_mode(&places, mode)
    }
}

/// Settled when a request is. Its functions are the handlers themselves.
fn answer(request: &IdbRequest) -> Promise {
    Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    })
}

async fn done(transaction: &IdbTransaction) -> Result<(), JsValue> {
    let end = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    match JsFuture::from(end).await {
        Ok(_) => Ok(()),
        Err(_) => Err(reason(transaction.error())),
    }
}

fn reason(error: Option<web_sys::DomException>) -> JsValue {
    error.map_or(JsValue::UNDEFINED, Into::into)
}
