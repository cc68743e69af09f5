//! The order in which messages reach the model.

use std::collections::VecDeque;

use crate::model::Msg;

/// Messages for the model, in the order in which it gets them: first what a person did, then the others, one at a time,
/// and [`Msg::Work`] when nothing else is left.
///
/// So what a person does never waits for more than one message of another kind.
#[derive(Debug, Default)]
pub struct Inbox {
    typed: Vec<Msg>,
    waiting: VecDeque<Msg>,
    has_work: bool,
}

impl Inbox {
    /// Adds what a person did.
    pub fn push_typed(&mut self, msg: Msg) {
        self.typed.push(msg);
    }

    /// Adds a message that is not from a person.
    pub fn push(&mut self, msg: Msg) {
        self.waiting.push_back(msg);
    }

    /// Adds messages that are not from a person, in their order.
    pub fn extend(&mut self, msgs: Vec<Msg>) {
        self.waiting.extend(msgs);
    }

    /// Asks for one [`Msg::Work`] once nothing else waits.
    pub fn ask_for_work(&mut self) {
        self.has_work = true;
    }

    /// Adds the work that was asked for, if any. Call it when nothing else happens.
    pub(super) fn begin_work(&mut self) {
        if std::mem::take(&mut self.has_work) {
            self.waiting.push_back(Msg::Work);
        }
    }

    /// Whether work was asked for and has not begun.
    pub fn has_work(&self) -> bool {
        self.has_work
    }

    /// Returns how many things that a person did wait.
    pub fn typed(&self) -> usize {
        self.typed.len()
    }

    /// Whether no message waits. Work that was asked for does not count.
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty() && self.waiting.is_empty()
    }

    /// Takes what the model gets next, and whether a person did it: everything that a person did, or else one other
    /// message, or nothing.
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
    use crate::model::Chord;

    fn data(n: usize) -> Msg {
        Msg::Notice(n.to_string(), false)
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
