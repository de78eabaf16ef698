//! x
use burn::prelude::*;
/// x
pub fn start() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        let d = burn::tensor::Device::flex();
        let t = Tensor::<2>::ones([3, 4], &d).matmul(Tensor::<2>::ones([4, 5], &d));
        let x = t.into_data_async().await;
        web_sys::js_sys::eval(&format!("{x:?}")).ok();
    });
}
