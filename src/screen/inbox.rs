//! The order in which messages reach the model.

use std::collections::VecDeque;

use crate::model::Msg;

/// A queue of messages for the model, by priority: first all user input, then other messages one at a time, and
/// [`Msg::Work`] when nothing else is left.
///
/// So user input never waits for more than one other message.
#[derive(Debug, Default)]
pub struct Inbox {
    typed: Vec<Msg>,
    waiting: VecDeque<Msg>,
    has_work: bool,
}

impl Inbox {
    /// Adds user input.
    pub fn push_typed(&mut self, msg: Msg) {
        self.typed.push(msg);
    }

    /// Adds a message that is not user input.
    pub fn push(&mut self, msg: Msg) {
        self.waiting.push_back(msg);
    }

    /// Adds messages that are not user input, in their order.
    pub fn extend(&mut self, msgs: Vec<Msg>) {
        self.waiting.extend(msgs);
    }

    /// Requests one [`Msg::Work`] once no other message is waiting.
    pub fn ask_for_work(&mut self) {
        self.has_work = true;
    }

    /// Adds the requested [`Msg::Work`], if any. Call it when the loop is idle.
    pub(super) fn begin_work(&mut self) {
        if std::mem::take(&mut self.has_work) {
            self.waiting.push_back(Msg::Work);
        }
    }

    /// Returns whether work was requested and has not begun.
    pub fn has_work(&self) -> bool {
        self.has_work
    }

    /// Returns the number of waiting user inputs.
    pub fn typed(&self) -> usize {
        self.typed.len()
    }

    /// Returns whether no message is waiting. Requested work does not count.
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty() && self.waiting.is_empty()
    }

    /// Takes the next messages, and returns whether they are user input: all user input if there is any, or one other
    /// message, or none.
    pub fn take(&mut self) -> (Vec<Msg>, bool) {
        if self.typed.is_empty() {
            (self.waiting.pop_front().into_iter().collect(), false)
        } else {
            (std::mem::take(&mut self.typed), true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chord, Notice};

    fn data(n: usize) -> Msg {
        Msg::Notice(Notice::plain(n.to_string()))
    }

    #[test]
    fn a_key_overtakes_a_thousand_messages_that_wait() {
        let mut inbox = Inbox::default();
        (0..1000).for_each(|n| inbox.push(data(n)));
        assert_eq!(inbox.take(), (vec![data(0)], false));
        inbox.push_typed(Msg::Key(Chord::char('j')));
        inbox.push_typed(Msg::Key(Chord::char('k')));
        assert_eq!(inbox.take(), (vec![Msg::Key(Chord::char('j')), Msg::Key(Chord::char('k'))], true));
        assert_eq!(inbox.take(), (vec![data(1)], false));
    }

    #[test]
    fn work_comes_after_everything_else_and_once() {
        let mut inbox = Inbox::default();
        inbox.ask_for_work();
        inbox.ask_for_work();
        inbox.push(data(1));
        assert_eq!(inbox.take(), (vec![data(1)], false));
        assert_eq!(inbox.take(), (vec![], false), "it has not begun");
        inbox.begin_work();
        assert_eq!(inbox.take(), (vec![Msg::Work], false));
        inbox.begin_work();
        assert!(inbox.is_empty() && !inbox.has_work());
    }
}
