//! The kernels' texts.

use std::fmt::Write as _;

use burn::backend::wgpu::{KernelSource, SourceTemplate};
use burn_cubecl::cubecl::prelude::KernelId;

use crate::{Activation, Form};

/// Threads of a workgroup that goes along a line.
pub const LINE: u32 = 64;
/// Threads along each side of a workgroup that goes over a matrix.
const SIDE: u32 = 8;

/// What follows the sums of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// Nothing.
    None,
    /// A bias per column, and an activation.
    Bias(Activation),
    /// The sums of the right factor's rows, beside the product.
    SumOfRows,
}

/// What a thread computes of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

impl Tile {
    /// Threads of a workgroup along columns and rows: where a tile is a row there may be no other.
    pub fn workgroup(self) -> [u32; 2] {
        if self.rows == 1 { [LINE, 1] } else { [SIDE, SIDE] }
    }

    /// The largest tile that leaves so many threads.
    pub fn of(rows: usize, columns: usize, threads: usize) -> Self {
        let tiles = [(8, 8), (4, 4), (1, 4)].map(|(rows, columns)| Self { rows, columns });
        let enough = |tile: &Self| {
            tile.rows <= rows && rows.div_ceil(tile.rows) * columns.div_ceil(tile.columns) >= threads
        };
        tiles.into_iter().find(enough).unwrap_or(Self { rows: 1, columns: 1 })
    }
}

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shader {
    /// Bindings: left, right, what came out of an activation `through` which the gradient goes, output, what the epilogue
    /// needs; numbers: rows, inner, columns.
    Product { form: Form, tile: Tile, through: Option<Activation>, epilogue: Epilogue },
    /// Bindings: x, result; numbers: length.
    Relu,
    /// Bindings: output, gradient, result; numbers: length.
    ReluGradient,
    /// Bindings: images, patches; numbers: length of the result, height, width, channels, side.
    Unfold,
    /// Bindings: patches, images; numbers: as above.
    Fold,
    /// Bindings: mu, `log_var`, eps, codes; numbers: length of eps, of mu.
    Reparameterize,
    /// Bindings: `log_var`, eps, gradient, those of mu and `log_var`; numbers: length of mu, samples.
    ReparameterizeGradients,
    /// Bindings: mu, `log_var`, divergence; numbers: batch, `latent_dim`.
    Kl,
    /// Bindings: mu, `log_var`, gradient, those of mu and `log_var`; numbers: length of mu, `latent_dim`.
    KlGradients,
    /// Bindings: logits, targets, costs; numbers: batch, pixels.
    BernoulliCost,
    /// Bindings: logits, targets, gradient, result; numbers: length, pixels.
    BernoulliGradient,
    /// Bindings: values, mean; numbers: length.
    Mean,
    /// Bindings: gradient, that of each; numbers: length.
    MeanGradient,
    /// Bindings: parameter, gradient, moments, the new ones of all but the gradient; numbers: length, rates as bits.
    Adam,
}

impl Shader {
    /// Threads of a workgroup along x and y.
    pub fn workgroup(self) -> [u32; 2] {
        match self {
            Self::Product { tile, .. } => tile.workgroup(),
            _ => [LINE, 1],
        }
    }

    fn text(self) -> String {
        match self {
            Self::Product { form, tile, through, epilogue } => product(form, tile, through, epilogue),
            Self::Relu => each(&["x"], &["result"], 1, "result[i] = max(x[i], 0.0);"),
            Self::ReluGradient => {
                let body = "result[i] = select(0.0, gradient[i], output[i] > 0.0);";
                each(&["output", "gradient"], &["result"], 1, body)
            }
            Self::Unfold => each(&["images"], &["patches"], 2, include_str!("unfold.wgsl")),
            Self::Fold => each(&["patches"], &["images"], 2, include_str!("fold.wgsl")),
            Self::Reparameterize => each(
                &["mu", "log_var", "eps"],
                &["codes"],
                1,
                "let at = i % info[0].y;
                codes[i] = mu[at] + exp(log_var[at] * 0.5) * eps[i];",
            ),
            Self::ReparameterizeGradients => each(
                &["log_var", "eps", "gradient"],
                &["of_mu", "of_log_var"],
                1,
                "var sums = vec2<f32>(0.0);
                for (var at = i; at < info[0].x * info[0].y; at += info[0].x) {
                    sums += gradient[at] * vec2<f32>(1.0, eps[at]);
                }
                of_mu[i] = sums.x;
                of_log_var[i] = sums.y * exp(log_var[i] * 0.5) * 0.5;",
            ),
            Self::Kl => each(
                &["mu", "log_var"],
                &["divergence"],
                1,
                "var sum = 0.0;
                for (var at = i * info[0].y; at < (i + 1u) * info[0].y; at += 1u) {
                    sum += mu[at] * mu[at] + exp(log_var[at]) - log_var[at] - 1.0;
                }
                divergence[i] = sum * 0.5;",
            ),
            Self::KlGradients => each(
                &["mu", "log_var", "gradient"],
                &["of_mu", "of_log_var"],
                1,
                "let g = gradient[i / info[0].y];
                of_mu[i] = g * mu[i];
                of_log_var[i] = g * (exp(log_var[i]) - 1.0) * 0.5;",
            ),
            Self::BernoulliCost => {
                header(&["logits", "x"], &["costs"], 1) + include_str!("bernoulli_cost.wgsl")
            }
            Self::BernoulliGradient => each(
                &["logits", "x", "gradient"],
                &["result"],
                1,
                "result[i] = (1.0 / (1.0 + exp(-logits[i])) - x[i]) * gradient[i / info[0].y];",
            ),
            Self::Mean => header(&["values"], &["mean"], 1) + include_str!("mean.wgsl"),
            Self::MeanGradient => {
                each(&["gradient"], &["result"], 1, "result[i] = gradient[0] / f32(info[0].x);")
            }
            Self::Adam => each(
                &["parameter", "gradient", "first", "second"],
                &["new_parameter", "new_first", "new_second"],
                2,
                include_str!("adam.wgsl"),
            ),
        }
    }
}

impl KernelSource for Shader {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text())
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(*self)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// The declarations of a kernel's buffers, then of `info`, its numbers in vectors of four.
fn header(inputs: &[&str], outputs: &[&str], vectors: usize) -> String {
    let inputs = inputs.iter().map(|name| ("read", name));
    let outputs = outputs.iter().map(|name| ("read_write", name));
    let mut text = String::new();
    let mut binding = 0;
    for (access, name) in inputs.chain(outputs) {
        let _ = writeln!(text, "@group(0) @binding({binding}) var<storage, {access}> {name}: array<f32>;");
        binding += 1;
    }
    let _ = writeln!(text, "@group(0) @binding({binding}) var<uniform> info: array<vec4<u32>, {vectors}>;");
    text
}

/// A kernel that does the same for each index `i` below `info[0].x`.
fn each(inputs: &[&str], outputs: &[&str], vectors: usize, body: &str) -> String {
    let header = header(inputs, outputs, vectors);
    format!(
        "{header}
@compute @workgroup_size({LINE})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {{
    for (var i = id.x; i < info[0].x; i += groups.x * {LINE}u) {{
        {body}
    }}
}}
"
    )
}

/// A product whose tile is in registers: `s_r_c` are its sums.
fn product(form: Form, tile: Tile, through: Option<Activation>, epilogue: Epilogue) -> String {
    let (rows, columns) = (0..tile.rows, 0..tile.columns);
    let [width, height] = tile.workgroup();
    let mut inputs = vec!["left", "right"];
    if through.is_some() {
        inputs.push("activated");
    }
    let outputs: &[&str] = match epilogue {
        Epilogue::None => &["output"],
        // The buffers come in this order.
        Epilogue::Bias(_) => &["output", "bias"],
        Epilogue::SumOfRows => &["output", "sums"],
    };
    let mut text = header(&inputs, outputs, 1);
    let _ = write!(
        text,
        "
@compute @workgroup_size({width}, {height})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
    let rows = info[0].x;
    let inner = info[0].y;
    let columns = info[0].z;
    let row = id.y * {}u;
    let column = id.x * {}u;
    if (row >= rows || column >= columns) {{ return; }}
",
        tile.rows, tile.columns
    );
    // Beyond the last row or column the last one is read again; what comes of it is not written.
    for r in rows.clone() {
        let _ = writeln!(text, "    let row_{r} = min(row + {r}u, rows - 1u);");
    }
    for c in columns.clone() {
        let _ = writeln!(text, "    let column_{c} = min(column + {c}u, columns - 1u);");
    }
    for r in rows.clone() {
        for c in columns.clone() {
            let _ = writeln!(text, "    var s_{r}_{c} = 0.0;");
        }
    }
    let sums = epilogue == Epilogue::SumOfRows;
    if sums {
        for c in columns.clone() {
            let _ = writeln!(text, "    var sum_{c} = 0.0;");
        }
    }
    let term = term(form, tile, through, sums);
    // Small tiles have too little to do between two jumps.
    let unrolled = if tile.rows * tile.columns < 16 { 4 } else { 1 };
    let _ = writeln!(text, "    let whole = inner - inner % {unrolled}u;\n    var k = 0u;");
    let _ = writeln!(text, "    while (k < whole) {{\n{}    }}", term.repeat(unrolled));
    if unrolled > 1 {
        let _ = writeln!(text, "    while (k < inner) {{\n{term}    }}");
    }
    for c in columns {
        let _ = writeln!(text, "    if (column + {c}u < columns) {{");
        for r in rows.clone() {
            let sum = match epilogue {
                Epilogue::Bias(activation) => activated(activation, &format!("s_{r}_{c} + bias[column_{c}]")),
                _ => format!("s_{r}_{c}"),
            };
            let _ = writeln!(
                text,
                "        if (row + {r}u < rows) {{ output[row_{r} * columns + column_{c}] = {sum}; }}"
            );
        }
        if sums {
            let _ = writeln!(text, "        if (row == 0u) {{ sums[column_{c}] = sum_{c}; }}");
        }
        text += "    }\n";
    }
    text + "}\n"
}

fn activated(activation: Activation, x: &str) -> String {
    match activation {
        Activation::None => x.into(),
        Activation::Relu => format!("max({x}, 0.0)"),
        Activation::Sigmoid => format!("1.0 / (1.0 + exp(-({x})))"),
    }
}

/// One term of all sums of a tile; `k` moves on.
fn term(form: Form, tile: Tile, through: Option<Activation>, sums: bool) -> String {
    let mut text = String::from("        {\n");
    for r in 0..tile.rows {
        let index = match form {
            Form::LeftTransposed => format!("k * rows + row_{r}"),
            _ => format!("row_{r} * inner + k"),
        };
        let through = through.filter(|_| form == Form::RightTransposed);
        let _ = writeln!(text, "        let a_{r} = {};", gradient("left", &index, through));
    }
    for c in 0..tile.columns {
        let index = match form {
            Form::RightTransposed => format!("column_{c} * inner + k"),
            _ => format!("k * columns + column_{c}"),
        };
        let through = through.filter(|_| form == Form::LeftTransposed);
        let _ = writeln!(text, "        let b_{c} = {};", gradient("right", &index, through));
    }
    for c in 0..tile.columns {
        for r in 0..tile.rows {
            let _ = writeln!(text, "        s_{r}_{c} += a_{r} * b_{c};");
        }
        if sums {
            let _ = writeln!(text, "        sum_{c} += b_{c};");
        }
    }
    text + "        k += 1u;\n        }\n"
}

/// A factor at an index: a gradient that goes through an activation, or just a number.
fn gradient(factor: &str, index: &str, through: Option<Activation>) -> String {
    match through {
        None | Some(Activation::None) => format!("{factor}[{index}]"),
        Some(Activation::Relu) => format!("select(0.0, {factor}[{index}], activated[{index}] > 0.0)"),
        Some(Activation::Sigmoid) => {
            format!("{factor}[{index}] * activated[{index}] * (1.0 - activated[{index}])")
        }
    }
}
