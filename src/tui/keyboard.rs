//! Reads the keyboard and mouse of a terminal, and changes of its size.

use std::io;
use std::pin::pin;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::input::Input;
use super::keys::Reader;
use super::tty;

/// The source of user input.
#[derive(Debug)]
pub struct Keyboard {
    keys: Reader,
    resized: Signal,
    gone: bool,
}

impl Keyboard {
    /// Starts to read the terminal, which must be in raw mode already. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if there is no terminal, or if the system cannot start a thread.
    pub fn open() -> io::Result<Self> {
        Self::over(Reader::open()?)
    }

    /// Reads input from a channel in place of a terminal. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system refuses to report changes of size.
    pub fn of(inputs: tokio::sync::mpsc::Receiver<Input>) -> io::Result<Self> {
        Self::over(Reader::of(inputs))
    }

    fn over(keys: Reader) -> io::Result<Self> {
        Ok(Self { keys, resized: signal(SignalKind::window_change())?, gone: false })
    }

    /// Waits for the next input. The future can be dropped without losing an input. After [`Input::Gone`], it never
    /// resolves.
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

    /// Returns the next input if it is available already, so that keys typed during a long frame are handled together.
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
