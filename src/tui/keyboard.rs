//! The keyboard and the mouse of a terminal, and changes of its size.

use std::io;
use std::pin::pin;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::input::Input;
use super::keys::Reader;
use super::tty;

/// The source of what a person does.
#[derive(Debug)]
pub struct Keyboard {
    keys: Reader,
    resized: Signal,
    gone: bool,
}

impl Keyboard {
    /// Begins to read the terminal, which must be in raw mode by then. Needs a tokio runtime.
    ///
    /// # Errors
    /// There is no terminal, or no thread to read it.
    pub fn open() -> io::Result<Self> {
        Self::over(Reader::open()?)
    }

    /// Takes what was typed from a channel in place of a terminal. Needs a tokio runtime.
    ///
    /// # Errors
    /// The system refuses to tell when the size changes.
    pub fn of(inputs: tokio::sync::mpsc::Receiver<Input>) -> io::Result<Self> {
        Self::over(Reader::of(inputs))
    }

    fn over(keys: Reader) -> io::Result<Self> {
        Ok(Self { keys, resized: signal(SignalKind::window_change())?, gone: false })
    }

    /// Waits for the next thing. Loses nothing when dropped; after [`Input::Gone`] it never answers again.
    pub async fn next(&mut self) -> Input {
        if self.gone {
            return std::future::pending().await;
        }
        tokio::select! {
            biased;
            Some(()) = self.resized.recv() => {
                let size = tty::size();
                Input::Resize(size.width, size.height)
            }
            input = self.keys.next() => input.unwrap_or_else(|| {
                self.gone = true;
                Input::Gone
            }),
        }
    }

    /// Returns the next thing if it is there already, without waiting: keys that were typed during a long frame belong
    /// to one frame.
    pub async fn waiting(&mut self) -> Option<Input> {
        match futures_util::poll!(pin!(self.next())) {
            Poll::Ready(input) => Some(input),
            Poll::Pending => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_is_told_once() {
        let (tell, inputs) = tokio::sync::mpsc::channel(8);
        let mut keyboard = Keyboard::of(inputs).unwrap();
        assert_eq!(keyboard.waiting().await, None);
        tell.send(Input::Click(4, 2)).await.unwrap();
        drop(tell);
        assert_eq!(keyboard.next().await, Input::Click(4, 2));
        assert_eq!(keyboard.next().await, Input::Gone);
        assert_eq!(keyboard.waiting().await, None);
    }
}
