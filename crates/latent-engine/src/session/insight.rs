//! What is told of the digit under the handle beside its picture.

use latent_core::judge::Judge;
use latent_core::weights::WeightFile;
use latent_core::{CoreError, decode, trace};
use latent_protocol::Event;

use super::Session;
use crate::host::Host;

impl<H: Host> Session<H> {
    /// Say what the judge sees in the digit under the handle. Its weights come once.
    pub(super) async fn judge(&mut self, weights: &[u8]) -> Result<(), CoreError> {
        if !weights.is_empty() {
            self.judge = Some(Judge::load(&self.device, &WeightFile::parse(weights)?)?);
        }
        let judge = self.judge.as_ref().ok_or(CoreError::Unable("be judged: the judge is missing"))?;
        let (model, z) = self.view.code().ok_or(CoreError::Unable("be judged before it is there"))?;
        let (class, share) = judge.verdict(decode(model, z.clone())).await?;
        self.host.emit(Event::Judged { z, class, share });
        Ok(())
    }

    /// Tell what the networks compute for the code under the handle.
    pub(super) async fn trace(&self) -> Result<(), CoreError> {
        let (model, z) = self.view.code().ok_or(CoreError::Unable("be followed before it is there"))?;
        let (trace, units) = trace::trace(model, z, self.view.class()).await?;
        self.host.hand_over(Event::Traced { trace }, units);
        Ok(())
    }
}
