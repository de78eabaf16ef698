//! A canvas on which the GPU draws what it computed: no pixel is read back.

use burn::tensor::wgpu::wgpu;
use latent_core::CoreError;
use latent_core::picture::{Tiles, palette};
use latent_kernels::gpu::Storage;
use wasm_bindgen::JsValue;
use web_sys::OffscreenCanvas;

use crate::web::device::{self, Setup};

/// A canvas with a WebGPU context.
pub struct Canvas {
    offscreen: OffscreenCanvas,
    setup: Setup,
    surface: wgpu::Surface<'static>,
    pipeline: wgpu::RenderPipeline,
    /// The colours of all intensities, images in a row, images.
    known: wgpu::Buffer,
}

impl Canvas {
    /// Images decoded and drawn at once: all of them. A canvas shows only what its last drawing put there.
    pub const TILES_AT_ONCE: usize = usize::MAX;

    /// To draw on a canvas that nobody else draws on; the device must be open.
    pub fn new(canvas: OffscreenCanvas) -> Result<Self, JsValue> {
        let setup = device::setup().ok_or("the GPU is not open")?;
        let target = wgpu::SurfaceTarget::OffscreenCanvas(canvas.clone());
        let surface = setup.instance.create_surface(target).map_err(|err| err.to_string())?;
        let config =
            surface.get_default_config(&setup.adapter, canvas.width().max(1), canvas.height().max(1));
        let format = config.ok_or("the GPU cannot draw on a canvas")?.format;
        let module = setup.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("tiles"),
            source: wgpu::ShaderSource::Wgsl(include_str!("tiles.wgsl").into()),
        });
        let pipeline = setup.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("tiles"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: None,
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let known = setup.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("colours"),
            size: 256 * 4 + 16,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Ok(Self { offscreen: canvas, setup, surface, pipeline, known })
    }

    /// Returns the canvas unchanged: no browser is known to smooth a canvas drawn by WebGPU.
    pub fn enlarged(self, _factor: usize) -> Self {
        self
    }

    /// Draw images, on a canvas of this size; done when they can be seen.
    ///
    /// # Errors
    /// When the GPU cannot draw.
    pub async fn paint(&self, tiles: Tiles, _top: usize, size: (usize, usize)) -> Result<(), CoreError> {
        self.draw(tiles, size).map_err(CoreError::Draw)?;
        // Without this the drawings of a drag would pile up in front of a slow GPU.
        device::done(&self.setup.queue).await;
        Ok(())
    }

    fn draw(&self, tiles: Tiles, size: (usize, usize)) -> Result<(), String> {
        let Setup { device, queue, adapter, .. } = &self.setup;
        if super::resize(&self.offscreen, size) || self.surface.get_configuration().is_none() {
            let (width, height) = (self.offscreen.width(), self.offscreen.height());
            let config = self.surface.get_default_config(adapter, width, height);
            self.surface.configure(device, &config.ok_or("the GPU cannot draw on a canvas")?);
        }
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
        let mut known = palette(tiles.theme).concat();
        known.extend(number(tiles.columns));
        known.extend(number(tiles.images.dims()[0]));
        known.resize(256 * 4 + 16, 0);
        queue.write_buffer(&self.known, 0, &known);
        let pixels = Storage::of(tiles.images)?;
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("tiles"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: pixels.binding() },
                wgpu::BindGroupEntry { binding: 1, resource: self.known.as_entire_binding() },
            ],
        });
        let texture = match self.surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(texture)
            | wgpu::CurrentSurfaceTexture::Suboptimal(texture) => texture,
            other => return Err(format!("the canvas has no texture to draw on ({other:?})")),
        };
        let view = texture.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        queue.submit([encoder.finish()]);
        queue.present(texture);
        Ok(())
    }
}
