//! What waits to be done by a session.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use latent_protocol::{Command, DataManifest};

/// Something a session must react to.
#[derive(Debug)]
pub enum Input {
    /// The page asks for something; bytes may come with it.
    Command(Command, Option<Vec<u8>>),
    /// A part of the data set arrived, or will not.
    Data(DataInput),
    /// The device reported an error outside of any call.
    DeviceFault(String),
}

/// News of the data set.
#[derive(Debug)]
pub enum DataInput {
    /// The list of its files.
    Manifest(DataManifest),
    /// So many bytes of all files are here.
    Received(u64),
    /// The next training file and its labels.
    Train(Vec<u8>, Vec<u8>),
    /// The next test file and its labels.
    Test(Vec<u8>, Vec<u8>),
    /// It cannot be had; the reason is a sentence.
    Failed(String),
}

/// Something that can wait in an [`Inbox`].
pub trait Item {
    /// Whether an older one need not be done any more.
    fn supersedes(&self, old: &Self) -> bool;
}

/// A queue in which only the newest of commands like [`Command::Move`] counts.
#[derive(Debug)]
pub struct Inbox<T = Input> {
    queue: RefCell<VecDeque<T>>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { queue: RefCell::default(), waker: RefCell::default() }
    }
}

impl<T: Item> Inbox<T> {
    /// Add something and wake who waits for it. What it supersedes is dropped.
    pub fn push(&self, item: T) {
        let mut queue = self.queue.borrow_mut();
        queue.retain(|waiting| !item.supersedes(waiting));
        queue.push_back(item);
        drop(queue);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// The next thing to do.
    pub fn take(&self) -> Option<T> {
        self.queue.borrow_mut().pop_front()
    }

    /// Wait until there is something to do.
    pub async fn wait(&self) {
        poll_fn(|context| {
            if self.queue.borrow().is_empty() {
                self.waker.borrow_mut().replace(context.waker().clone());
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

impl Item for Input {
    fn supersedes(&self, old: &Self) -> bool {
        match (self, old) {
            (Self::Command(new, _), Self::Command(old, _)) => matches!(
                (new, old),
                (Command::Move { .. }, Command::Move { .. })
                    | (Command::Grid { .. }, Command::Grid { .. })
                    | (Command::Recolor { .. }, Command::Recolor { .. })
            ),
            (Self::Data(DataInput::Received(_)), Self::Data(DataInput::Received(_))) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(x: f32) -> Input {
        Input::Command(Command::Move { point: [x, 0.0] }, None)
    }

    #[test]
    fn only_the_newest_move_is_left_and_the_rest_keeps_its_order() {
        let inbox = Inbox::default();
        inbox.push(moved(0.1));
        inbox.push(Input::Command(Command::Pause, None));
        inbox.push(moved(0.2));
        inbox.push(Input::Command(Command::Reset, None));
        inbox.push(moved(0.3));
        let names: Vec<String> = std::iter::from_fn(|| inbox.take())
            .map(|input| match input {
                Input::Command(Command::Move { point }, _) => format!("move {}", point[0]),
                Input::Command(command, _) => command.name().into(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["pause", "reset", "move 0.3"]);
    }
}
