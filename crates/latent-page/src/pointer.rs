//! Where a pointer is.

use web_sys::{Element, PointerEvent};

/// How far across an element and how far down it, from 0 to 1 on it; beyond that beside it.
pub fn place_on(element: &Element, event: &PointerEvent) -> [f64; 2] {
    let rect = element.get_bounding_client_rect();
    [
        (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0),
        (f64::from(event.client_y()) - rect.top()) / rect.height().max(1.0),
    ]
}
