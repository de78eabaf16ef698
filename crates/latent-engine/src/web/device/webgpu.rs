//! The WebGPU engine.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

use burn::tensor::Tensor;
pub use burn::tensor::wgpu::WgpuSetup as Setup;
use burn::tensor::wgpu::wgpu;
use latent_core::{Device, weights};
use latent_kernels::{Form, gpu, product};
use latent_protocol::{DeviceKind, DevicePreference, DeviceReport};

use crate::inbox::{Inbox, Input};
use crate::web::constructors;
use crate::web::worker::now_ms;

thread_local! {
    static OPENED: RefCell<Option<(Device, Setup)>> = const { RefCell::new(None) };
    static INBOX: RefCell<Option<Rc<Inbox>>> = const { RefCell::new(None) };
}

/// What must happen before anything else in this engine.
pub fn prepare() {
    constructors::run();
}

/// The browser's GPU, if it is usable.
pub async fn open(preference: DevicePreference, inbox: &Rc<Inbox>) -> Result<(Device, DeviceReport), String> {
    let adapter = super::adapter().await;
    let name = adapter.as_ref().map(|adapter| adapter.name.clone()).unwrap_or_default();
    let (usable, reason) = super::judge(&adapter, preference);
    if !usable {
        return Err(reason);
    }
    let (device, setup) = super::in_time(Device::wgpu_options().init_with_setup_async())
        .await
        .ok_or_else(|| format!("the GPU ({name}) did not open within 5 seconds"))?
        .map_err(|err| format!("the GPU ({name}) could not be opened: {err}"))?;
    INBOX.with(|slot| slot.replace(Some(Rc::clone(inbox))));
    OPENED.with(|slot| slot.replace(Some((device.clone(), setup.clone()))));
    // Burn's own handler panics; ours tells the page, which goes on on the CPU.
    setup.device.on_uncaptured_error(Arc::new(|error: wgpu::Error| fault(&explain(&error))));
    // Nothing is read back while dragging, so nothing else would tell.
    setup.device.set_device_lost_callback(|_, message| fault(&format!("the GPU was lost: {message}")));
    choose_tiles(&device, &setup.queue).await?;
    Ok((device, DeviceReport { kind: DeviceKind::WebGpu, name, reason }))
}

/// Threads that products may have at least: a GPU with many cores wants more than one with few.
const THREADS: [u32; 2] = [1_024, 16_384];

/// Find out which tiles of a product are quickest on this GPU.
async fn choose_tiles(device: &Device, queue: &wgpu::Queue) -> Result<(), String> {
    let factor = Tensor::<2>::ones([256, 256], device);
    let mut best = (f64::INFINITY, THREADS[0]);
    for threads in THREADS {
        gpu::set_threads(threads);
        // The first run compiles the kernel; of the others the quickest counts.
        for is_warm in [false, true, true, true] {
            let start = now_ms();
            let product = product(factor.clone(), factor.clone(), Form::Plain);
            let _bound = gpu::Storage::of(product)?;
            done(queue).await;
            let elapsed = now_ms() - start;
            if is_warm && elapsed < best.0 {
                best = (elapsed, threads);
            }
        }
    }
    gpu::set_threads(best.1);
    Ok(())
}

/// Returns false: this engine runs on the GPU.
pub fn looks_for_gpu(_preference: DevicePreference) -> bool {
    false
}

/// The browser's handles of the open GPU, to draw with.
pub fn setup() -> Option<Setup> {
    OPENED.with_borrow(|opened| opened.as_ref().map(|(_, setup)| setup.clone()))
}

/// Wait until the GPU has done what was given to it so far.
pub async fn done(queue: &wgpu::Queue) {
    let state = Arc::new(Mutex::new((false, None::<Waker>)));
    let shared = Arc::clone(&state);
    queue.on_submitted_work_done(move || {
        if let Ok(mut state) = shared.lock() {
            state.0 = true;
            if let Some(waker) = state.1.take() {
                waker.wake();
            }
        }
    });
    poll_fn(|context| {
        // One thread: nobody else holds it.
        let Ok(mut state) = state.lock() else { return Poll::Ready(()) };
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

/// Bytes in the GPU's memory pools.
pub fn memory_bytes() -> u64 {
    OPENED.with_borrow(|opened| {
        let usage = opened.as_ref().and_then(|(device, _)| device.memory_pool_usage());
        usage.map_or(0, |usage| usage.bytes_reserved)
    })
}

/// Times and bytes that something was read back from the GPU since the start.
pub fn read_back() -> (u64, u64) {
    (weights::reads(), weights::bytes_read())
}

fn explain(error: &wgpu::Error) -> String {
    match error {
        wgpu::Error::OutOfMemory { .. } => "the GPU is out of memory".into(),
        wgpu::Error::Validation { description, .. } => {
            format!("the GPU refused a shader or a command: {description}")
        }
        wgpu::Error::Internal { description, .. } => format!("the GPU failed: {description}"),
    }
}

fn fault(reason: &str) {
    INBOX.with_borrow(|inbox| {
        if let Some(inbox) = inbox {
            inbox.push(Input::DeviceFault(reason.into()));
        }
    });
}
