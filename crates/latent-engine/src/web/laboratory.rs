//! The laboratory in a worker of its own: `[task, parts]` in, an event out. It computes on the CPU, one experiment at a time,
//! and what is on show goes on beside it. Whoever wants to stop it ends the worker.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use latent_core::data::{Dataset, PIXELS, Shard, read_shard};
use latent_core::judge::Judge;
use latent_core::lab::{self, EXPERIMENTS, Image, Progress, Surroundings};
use latent_core::weights::WeightFile;
use latent_core::{CoreError, Device};
use latent_protocol::lab::{Images, LabEvent, LabTask};
use latent_protocol::{DataManifest, DataSource, ShardFile, Subject, fill};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

use super::fetch::fetch;
use super::worker::{breathe, now_ms, scope};

/// Milliseconds between two reports of what is known before the end.
const REPORT_MS: f64 = 500.0;

/// Listen to the page.
pub fn start_laboratory() {
    console_error_panic_hook::set_once();
    let shelf = Rc::new(Shelf::default());
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let data: Array = message.data().unchecked_into();
        let task = serde_wasm_bindgen::from_value::<LabTask>(data.get(0));
        let parts: Array = data.get(1).unchecked_into();
        let parts = [0, 1, 2].map(|index| parts.get(index).dyn_ref().map(Uint8Array::to_vec));
        let shelf = Rc::clone(&shelf);
        spawn_local(async move {
            let found = match task {
                Ok(task) => Box::pin(shelf.find(&task, parts)).await,
                Err(err) => Err(err.to_string()),
            };
            emit(&found.unwrap_or_else(|reason| LabEvent::Failed { reason }));
        });
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    // Messages sent before this one would be lost.
    emit(&LabEvent::Ready { experiments: EXPERIMENTS.iter().map(|entry| entry.card.clone()).collect() });
}

/// What was fetched for one experiment and serves the next.
#[derive(Default)]
struct Shelf {
    dataset: RefCell<Option<(Images, Rc<Dataset>)>>,
    judge: RefCell<Option<Rc<Judge>>>,
}

impl Shelf {
    /// Do an experiment to its end.
    async fn find(&self, task: &LabTask, parts: [Option<Vec<u8>>; 3]) -> Result<LabEvent, String> {
        let [model, drawing, own] = parts;
        let entry = lab::experiment(&task.experiment).ok_or("There is no such experiment.")?;
        let file = parse(&model.unwrap_or_default())?;
        let rival = match entry.rival_of(&file).map_err(sentence)? {
            Some(id) => Some(self.shipped(task, id).await?),
            None => None,
        };
        let (dataset, judge) = match &task.source {
            DataSource::Own(source) => {
                let dataset = Dataset::own(source, &own.unwrap_or_default()).map_err(sentence)?;
                // The judge knows the digits of the page's images only.
                (Rc::new(dataset), None)
            }
            DataSource::Shipped => {
                let images = match (task.subject, entry.card.images) {
                    (Subject::Image(_), Images::None) => Images::Test,
                    (_, images) => images,
                };
                let judge = match entry.card.images {
                    Images::None => None,
                    Images::Test | Images::All => Some(self.judge(task).await?),
                };
                (self.dataset(task, images).await?, judge)
            }
        };
        let (image, label) = if let Subject::Image(number) = task.subject {
            let image = Image::of_test(&dataset, number).ok_or("There is no such test image.")?;
            let label = image.class;
            (image, Some(label))
        } else {
            let greys = drawing.filter(|greys| greys.len() == PIXELS).ok_or("There is no drawing.")?;
            (Image { greys, class: task.class, number: Image::OWN }, None)
        };
        let surroundings = Surroundings { dataset: &dataset, judge: judge.as_deref(), image: &image };
        let mut trial =
            entry.trial(&Device::flex(), &file, rival.as_ref(), surroundings).map_err(sentence)?;
        let (start_ms, mut reported_ms) = (now_ms(), now_ms());
        loop {
            match trial.advance().await.map_err(sentence)? {
                Progress::To(done) => {
                    let is_due = now_ms() - reported_ms >= REPORT_MS;
                    if is_due {
                        reported_ms = now_ms();
                    }
                    let finding = if is_due { trial.so_far() } else { None };
                    emit(&LabEvent::Progress { done, finding });
                    breathe().await;
                }
                Progress::Done(finding) => {
                    let elapsed_ms = now_ms() - start_ms;
                    let image = image.greys.clone();
                    return Ok(LabEvent::Found { finding: *finding, label, image, elapsed_ms });
                }
            }
        }
    }

    /// The whole shipped model of a family.
    async fn shipped(&self, task: &LabTask, id: &str) -> Result<WeightFile, String> {
        let mut whole: Option<WeightFile> = None;
        for part in ["decoder", "encoder"] {
            let file = parse(&get(&format!("{}/{id}/{part}.safetensors", task.models_url)).await?)?;
            match &mut whole {
                Some(whole) => fill(&mut whole.tensors, file.tensors),
                None => whole = Some(file),
            }
        }
        whole.ok_or_else(|| "There is no such model.".into())
    }

    async fn judge(&self, task: &LabTask) -> Result<Rc<Judge>, String> {
        if let Some(judge) = self.judge.borrow().as_ref() {
            return Ok(Rc::clone(judge));
        }
        let bytes = get(&format!("{}/judge.safetensors", task.models_url)).await?;
        let judge = Rc::new(Judge::load(&Device::flex(), &parse(&bytes)?).map_err(sentence)?);
        *self.judge.borrow_mut() = Some(Rc::clone(&judge));
        Ok(judge)
    }

    /// The images that come with the page, as far as they are needed.
    async fn dataset(&self, task: &LabTask, images: Images) -> Result<Rc<Dataset>, String> {
        if let Some((known, dataset)) = self.dataset.borrow().as_ref()
            && *known >= images
        {
            return Ok(Rc::clone(dataset));
        }
        if images == Images::None {
            return Ok(Rc::new(Dataset::complete("", Shard::default(), Shard::default())));
        }
        let folder = &task.data_url;
        let index = format!("{folder}/index.json");
        let manifest: DataManifest = serde_json::from_slice(&get(&index).await?)
            .map_err(|err| format!("{index} is not a list of data files ({err})."))?;
        let mut dataset = Dataset::new(manifest.clone());
        for file in &manifest.test {
            dataset.push_test(shard(folder, file).await?);
        }
        if images == Images::All {
            for file in &manifest.train {
                dataset.push_train(shard(folder, file).await?);
            }
        }
        let dataset = Rc::new(dataset);
        *self.dataset.borrow_mut() = Some((images, Rc::clone(&dataset)));
        Ok(dataset)
    }
}

async fn shard(folder: &str, file: &ShardFile) -> Result<Shard, String> {
    let images = get(&format!("{folder}/{}", file.images)).await?;
    let labels = get(&format!("{folder}/{}", file.labels)).await?;
    read_shard(&images, &labels).map_err(sentence)
}

async fn get(url: &str) -> Result<Vec<u8>, String> {
    fetch(url, |_| {}).await.map_err(|reason| format!("{reason}; check the connection and try again."))
}

fn parse(bytes: &[u8]) -> Result<WeightFile, String> {
    WeightFile::parse(bytes).map_err(sentence)
}

fn sentence(err: impl Into<CoreError>) -> String {
    err.into().sentence()
}

fn emit(event: &LabEvent) {
    let posted = serde_wasm_bindgen::to_value(event)
        .map_err(wasm_bindgen::JsValue::from)
        .and_then(|event| scope().post_message(&event));
    if let Err(err) = posted {
        web_sys::console::error_2(&"a finding was lost".into(), &err);
    }
}
