struct Known {
    // Four bytes a colour, four colours a vector.
    colors: array<vec4<u32>, 64>,
    columns: u32,
    count: u32,
}

const SIDE = 28u;

@group(0) @binding(0) var<storage, read> pixels: array<f32>;
@group(0) @binding(1) var<uniform> known: Known;

// One triangle that covers the canvas.
@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let x = f32(index & 1u) * 4.0 - 1.0;
    let y = f32(index >> 1u) * 4.0 - 1.0;
    return vec4<f32>(x, y, 0.0, 1.0);
}

@fragment
fn color(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let at = vec2<u32>(position.xy);
    let tile = at / SIDE;
    let inside = at % SIDE;
    let index = tile.y * known.columns + tile.x;
    var intensity = 0.0;
    if (index < known.count) {
        intensity = pixels[(index * SIDE + inside.y) * SIDE + inside.x];
    }
    let level = u32(clamp(intensity, 0.0, 1.0) * 255.0 + 0.5);
    return unpack4x8unorm(known.colors[level / 4u][level % 4u]);
}
