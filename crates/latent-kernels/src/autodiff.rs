//! Derivatives of the operations.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, TensorMetadata};

use burn::tensor::Shape;

use crate::extension::{DenseLayer, Derivatives, Kernels, Wanted};
use crate::{Activation, AdamRates, Form, Grid};

impl<B: Derivatives, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn upload(there: FloatTensor<Self>, values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        Self::FloatTensorPrimitive::new(B::upload(there.into_primitive(), values, shape))
    }

    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let output = B::rectify(x);
        match Relu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(output.clone(), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        let ((left, a), (right, b)) = (left.into_parts(), right.into_parts());
        match Product.prepare::<C>([a, b]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish((left.clone(), right.clone(), form), B::product(left, right, form))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::product(left, right, form)),
        }
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let ((x, a), (weight, b), (bias, c)) = (x.into_parts(), weight.into_parts(), bias.into_parts());
        match Dense.prepare::<C>([a, b, c]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let output = B::dense(x.clone(), weight.clone(), bias, activation);
                prep.finish(DenseLayer { x, weight, output: output.clone(), activation }, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::dense(x, weight, bias, activation)),
        }
    }

    fn unfold(images: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self> {
        let (images, node) = images.into_parts();
        let output = B::unfold(images, grid);
        match Unfold.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(grid, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn fold(patches: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self> {
        let (patches, node) = patches.into_parts();
        let output = B::fold(patches, grid);
        match Fold.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(grid, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn reparameterize(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let ((mu, a), (log_var, b), eps) = (mu.into_parts(), log_var.into_parts(), eps.into_primitive());
        match Reparameterize.prepare::<C>([a, b]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish((log_var.clone(), eps.clone()), B::reparameterize(mu, log_var, eps))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::reparameterize(mu, log_var, eps)),
        }
    }

    fn kl_from_normal(mu: FloatTensor<Self>, log_var: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((mu, a), (log_var, b)) = (mu.into_parts(), log_var.into_parts());
        match KlFromNormal.prepare::<C>([a, b]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish((mu.clone(), log_var.clone()), B::kl_from_normal(mu, log_var))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::kl_from_normal(mu, log_var)),
        }
    }

    fn bernoulli_cost(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((logits, node), x) = (logits.into_parts(), x.into_primitive());
        match BernoulliCost.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((logits.clone(), x.clone()), B::bernoulli_cost(logits, x)),
            OpsKind::UnTracked(prep) => prep.finish(B::bernoulli_cost(logits, x)),
        }
    }

    fn mean(values: FloatTensor<Self>) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let count = values.shape().num_elements();
        match Mean.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(count, B::mean(values)),
            OpsKind::UnTracked(prep) => prep.finish(B::mean(values)),
        }
    }

    fn adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rates: AdamRates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (parameter, gradient) = (parameter.into_primitive(), gradient.into_primitive());
        let (parameter, first, second) =
            B::adam(parameter, gradient, first.into_primitive(), second.into_primitive(), rates);
        let constant = |primitive| Self::FloatTensorPrimitive::new(primitive);
        (constant(parameter), constant(first), constant(second))
    }
}

/// Hand gradients on to those who want them.
fn register<B: Backend, const N: usize>(
    gradients: &mut Gradients,
    nodes: [Option<NodeId>; N],
    values: [FloatTensor<B>; N],
) {
    for (node, value) in nodes.into_iter().zip(values) {
        if let Some(node) = node {
            gradients.register::<B>(node, value);
        }
    }
}

#[derive(Debug)]
struct Relu;

impl<B: Derivatives> Backward<B, 1> for Relu {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, gradients, |g| B::relu_gradient(ops.state, g));
    }
}

#[derive(Debug)]
struct Product;

impl<B: Derivatives> Backward<B, 2> for Product {
    type State = (FloatTensor<B>, FloatTensor<B>, Form);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (a, b, form) = ops.state;
        let g = gradients.consume::<B>(&ops.node);
        let [left, right] = ops.parents;
        if let Some(left) = left {
            let (g, b) = (g.clone(), b);
            let gradient = match form {
                Form::Plain => B::product(g, b, Form::RightTransposed),
                Form::LeftTransposed => B::product(b, g, Form::RightTransposed),
                Form::RightTransposed => B::product(g, b, Form::Plain),
            };
            gradients.register::<B>(left.id, gradient);
        }
        if let Some(right) = right {
            let gradient = match form {
                Form::Plain => B::product(a, g, Form::LeftTransposed),
                Form::LeftTransposed => B::product(a, g, Form::Plain),
                Form::RightTransposed => B::product(g, a, Form::LeftTransposed),
            };
            gradients.register::<B>(right.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Dense;

impl<B: Derivatives> Backward<B, 3> for Dense {
    type State = DenseLayer<B>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [input, weight, bias] = ops.parents.map(|node| node.map(|node| node.id));
        let wanted = Wanted { input: input.is_some(), parameters: weight.or(bias).is_some() };
        let (of_input, of_parameters) = B::dense_gradients(ops.state, gradient, wanted);
        if let Some(of_parameters) = of_parameters {
            register::<B, 2>(gradients, [weight, bias], of_parameters);
        }
        if let Some((node, gradient)) = input.zip(of_input) {
            gradients.register::<B>(node, gradient);
        }
    }
}

/// Each of the two is the other's adjoint.
#[derive(Debug)]
struct Unfold;

impl<B: Derivatives> Backward<B, 1> for Unfold {
    type State = Grid;

    fn backward(self, ops: Ops<Grid, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::fold(gradient, ops.state));
    }
}

#[derive(Debug)]
struct Fold;

impl<B: Derivatives> Backward<B, 1> for Fold {
    type State = Grid;

    fn backward(self, ops: Ops<Grid, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| B::unfold(gradient, ops.state));
    }
}

#[derive(Debug)]
struct Mean;

impl<B: Derivatives> Backward<B, 1> for Mean {
    type State = usize;

    fn backward(self, ops: Ops<usize, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, gradients, |g| B::mean_gradient(g, ops.state));
    }
}

#[derive(Debug)]
struct Reparameterize;

impl<B: Derivatives> Backward<B, 2> for Reparameterize {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (log_var, eps) = ops.state;
        let (mu, spread) = B::reparameterize_gradients(log_var, eps, gradients.consume::<B>(&ops.node));
        register::<B, 2>(gradients, ops.parents.map(|node| node.map(|node| node.id)), [mu, spread]);
    }
}

#[derive(Debug)]
struct KlFromNormal;

impl<B: Derivatives> Backward<B, 2> for KlFromNormal {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (mu, log_var) = ops.state;
        let (mu, spread) = B::kl_gradients(mu, log_var, gradients.consume::<B>(&ops.node));
        register::<B, 2>(gradients, ops.parents.map(|node| node.map(|node| node.id)), [mu, spread]);
    }
}

#[derive(Debug)]
struct BernoulliCost;

impl<B: Derivatives> Backward<B, 1> for BernoulliCost {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (logits, x) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |g| B::bernoulli_gradient(logits, x, g));
    }
}
