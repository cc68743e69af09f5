//! A fast check that shows for most texts that they have nothing to hide.

/// The set of relevant bytes that occur in a text.
#[derive(Clone, Copy, Default)]
pub(super) struct ByteSet(u8);

impl ByteSet {
    const AT: u8 = 1;
    const SLASH: u8 = 2;
    const OTHER: u8 = 4;

    const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        table[b'@' as usize] = Self::AT;
        table[b'/' as usize] = Self::SLASH;
        let others = b"?#=%\"'";
        let mut index = 0;
        while index < others.len() {
            table[others[index] as usize] = Self::OTHER;
            index += 1;
        }
        table
    };

    pub(super) fn with(self, byte: u8) -> Self {
        Self(self.0 | Self::TABLE[usize::from(byte)])
    }

    /// Returns whether a text with these bytes has nothing to hide. A user name in a URL comes after slashes, so `@`
    /// matters only with `/`.
    pub(super) fn is_plain(self) -> bool {
        const USER: u8 = ByteSet::AT | ByteSet::SLASH;
        self.0 & Self::OTHER == 0 && self.0 & USER != USER
    }
}
