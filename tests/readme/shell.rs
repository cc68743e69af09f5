//! A partial parser of shell commands, which finds the programs that a block starts.

/// A command line of a block: one pipeline.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The text without its comment.
    pub(crate) text: String,
    /// The words of each program in the pipeline, without quotes and redirections.
    pub(crate) programs: Vec<Vec<String>>,
    /// Whether it ends with `&`.
    pub(crate) is_background: bool,
    /// The comment after it, or an empty text.
    pub(crate) comment: String,
}

impl Line {
    /// Returns the name of each program, including those in `$( … )`. An assignment alone is not a program.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for words in &self.programs {
            names.extend(words.iter().find(|word| !is_assignment(word)).cloned());
            for inner in words.iter().flat_map(|word| substitutions(word)) {
                names.extend(lines(&inner).iter().flat_map(Self::names));
            }
        }
        names
    }

    /// Returns the exit code in the comment, or 0 if there is none.
    pub(crate) fn code(&self) -> i32 {
        let stated = self.comment.split("exits with ").nth(1).unwrap_or("0");
        let digits: String = stated.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("an exit code")
    }

    /// Returns whether it sets variables for later lines.
    pub(crate) fn is_setting(&self) -> bool {
        let [words] = &self.programs[..] else { return false };
        words[0] == "export" || words.iter().all(|word| is_assignment(word))
    }
}

fn is_assignment(word: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// Returns the texts of `$( … )` in a word.
fn substitutions(word: &str) -> Vec<String> {
    word.split("$(")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(inner, _)| inner.to_owned())
        .collect()
}

/// Splits a block into its command lines.
pub(crate) fn lines(block: &str) -> Vec<Line> {
    let mut reader = Reader { chars: block.chars().collect(), ..Reader::default() };
    while reader.at < reader.chars.len() {
        reader.step();
    }
    reader.end_line(false);
    reader.lines
}

#[derive(Default)]
struct Reader {
    chars: Vec<char>,
    at: usize,
    lines: Vec<Line>,
    line: Line,
    words: Vec<String>,
    /// The current word. An empty pair of quotes is a word too.
    word: Option<String>,
    /// Whether the next word is the file of a redirection.
    is_file: bool,
}

impl Reader {
    fn step(&mut self) {
        let c = self.take();
        match c {
            '\\' if self.peek() == Some('\n') => {
                self.take();
                self.line.text.truncate(self.line.text.len().saturating_sub(2));
                self.line.text.push(' ');
                self.end_word();
            }
            '\'' | '"' => self.quotation(c),
            '$' if self.peek() == Some('(') => self.substitution(),
            '#' if self.word.is_none() => {
                self.line.text.pop();
                let comment: String = self.chars[self.at..].iter().take_while(|c| **c != '\n').collect();
                self.at += comment.chars().count();
                comment.trim().clone_into(&mut self.line.comment);
            }
            '\n' | ';' => {
                self.line.text.pop();
                self.end_line(false);
            }
            '&' => {
                self.line.text.pop();
                assert_ne!(self.peek(), Some('&'), "write the two commands on two lines");
                self.end_line(true);
            }
            '|' => {
                assert_ne!(self.peek(), Some('|'), "write the two commands on two lines");
                self.end_program();
            }
            '>' | '<' => {
                self.end_word();
                self.is_file = true;
            }
            c if c.is_whitespace() => self.end_word(),
            c => self.word.get_or_insert_default().push(c),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self) -> char {
        let c = self.chars[self.at];
        self.at += 1;
        self.line.text.push(c);
        c
    }

    fn quotation(&mut self, quote: char) {
        self.word.get_or_insert_default();
        while self.peek().is_some() {
            match self.take() {
                c if c == quote => return,
                '$' if quote == '"' && self.peek() == Some('(') => self.substitution(),
                c => self.word.get_or_insert_default().push(c),
            }
        }
        panic!("a quotation is not closed: {}", self.line.text);
    }

    fn substitution(&mut self) {
        let word = self.word.get_or_insert_default();
        word.push('$');
        while self.peek().is_some() {
            let c = self.take();
            self.word.get_or_insert_default().push(c);
            if c == ')' {
                return;
            }
        }
        panic!("a substitution is not closed: {}", self.line.text);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.is_file)
        {
            self.words.push(word);
        }
    }

    fn end_program(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.line.programs.push(std::mem::take(&mut self.words));
        }
    }

    fn end_line(&mut self, is_background: bool) {
        self.end_program();
        let mut line = std::mem::take(&mut self.line);
        if !line.programs.is_empty() {
            let text = line.text.trim().to_owned();
            line.text = text;
            line.is_background = is_background;
            self.lines.push(line);
        }
    }
}
