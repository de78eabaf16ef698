//! The CPU engine: always there, and the one that looks whether there is something better.

use std::rc::Rc;

use latent_core::Device;
use latent_protocol::{DeviceKind, DevicePreference, DeviceReport};

use crate::inbox::Inbox;

/// What must happen before anything else in this engine: nothing.
pub fn prepare() {}

/// The CPU.
pub async fn open(
    preference: DevicePreference,
    _inbox: &Rc<Inbox>,
) -> Result<(Device, DeviceReport), String> {
    let reason = match preference {
        DevicePreference::Cpu => "asked for by the link (?device=cpu)",
        DevicePreference::Auto | DevicePreference::WebGpu => "looking for a GPU",
    };
    let report = DeviceReport { kind: DeviceKind::Cpu, name: "CPU (SIMD)".into(), reason: reason.into() };
    Ok((Device::flex(), report))
}

/// Returns true unless the CPU was asked for.
pub fn looks_for_gpu(preference: DevicePreference) -> bool {
    preference != DevicePreference::Cpu
}

/// Memory outside of the wasm module.
pub fn memory_bytes() -> u64 {
    0
}

/// Times and bytes that something was read back from a GPU: never.
pub fn read_back() -> (u64, u64) {
    (0, 0)
}
