//! The model families. A new one is one file here and one line in [`FAMILIES`].

mod vae;

use crate::CoreError;
use crate::family::Family;

/// All families, in menu order.
pub static FAMILIES: &[Family] = &[vae::FAMILY];

/// The family with this id.
///
/// # Errors
/// When there is none.
pub fn family(id: &str) -> Result<&'static Family, CoreError> {
    let found = FAMILIES.iter().find(|family| family.card.id == id);
    found.ok_or_else(|| CoreError::UnknownFamily(id.chars().take(40).collect()))
}
