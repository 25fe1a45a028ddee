//! JSON objects of a stream, one after another, whatever lies between them: ends of lines, or the commas and brackets of an
//! array. An object may span lines, as a pretty-printed one does.
//!
//! A killed writer leaves an object without its end, and files are joined where one was cut. JSON has no line break within
//! a string, and a pretty-printed object has no brace in the first column but its own; so where either is found, the object
//! before was cut short there.

use std::io::{self, BufRead};

/// Longest object; a longer one is no record, and must not fill the memory.
const OBJECT_BYTES_MAX: usize = 64 << 20;
/// Bytes kept of text between objects.
const STRAY_BYTES: usize = 100;
/// Bytes kept from the beginning of the stream.
const HEAD_BYTES: usize = 64;

/// Part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<T> {
    /// Line on which it begins, from 1.
    pub(super) line: usize,
    pub(super) content: Content<T>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<T> {
    /// A line that was understood as a whole.
    Line(T),
    /// An object, perhaps cut short.
    Object(Vec<u8>),
    /// The first bytes of other text.
    Other(Vec<u8>),
}

/// Splits a stream into pieces.
pub(super) struct Objects<R> {
    from: R,
    /// First bytes of the stream.
    pub(super) head: Vec<u8>,
    splitter: Splitter,
}

impl<R: BufRead> Objects<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, head: vec![], splitter: Splitter { line: 1, ..Splitter::default() } }
    }

    /// Next piece; `None` at the end. Where an object begins and its line is in memory, `understand` may take the line as a
    /// whole, which is faster than to look for the object's end.
    ///
    /// Errors: the stream cannot be read.
    pub(super) fn next<T>(&mut self, understand: impl Fn(&[u8]) -> Option<T>) -> io::Result<Option<Piece<T>>> {
        loop {
            let block = self.from.fill_buf()?;
            if block.is_empty() {
                return Ok(self.splitter.take());
            }
            let line = self.splitter.line;
            let understood = if self.splitter.between() {
                whole_line(block).and_then(|(text, length)| Some((understand(text)?, length)))
            } else {
                None
            };
            let (used, ended) = match &understood {
                Some((_, length)) => (*length, false),
                None => self.splitter.split(block),
            };
            let missing = HEAD_BYTES.saturating_sub(self.head.len()).min(used);
            self.head.extend_from_slice(&block[..missing]);
            self.from.consume(used);
            if let Some((line_of_text, _)) = understood {
                (self.splitter.line, self.splitter.column) = (line + 1, 0);
                return Ok(Some(Piece { line, content: Content::Line(line_of_text) }));
            }
            if ended {
                return Ok(self.splitter.take());
            }
        }
    }
}

/// The object that is alone on the first line of `block`, perhaps followed by what ends it in an array, and the length of
/// the line.
fn whole_line(block: &[u8]) -> Option<(&[u8], usize)> {
    if block[0] != b'{' {
        return None;
    }
    let end = memchr::memchr(b'\n', block)?;
    let last = block[..end].iter().rposition(|byte| !byte.is_ascii_whitespace() && *byte != b',')?;
    Some((&block[..=last], end + 1))
}

/// State between two bytes.
#[derive(Default)]
struct Splitter {
    line: usize,
    column: usize,
    /// Where the current piece began.
    begun: usize,
    bytes: Vec<u8>,
    is_object: bool,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Splitter {
    /// Whether no piece has begun.
    fn between(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds bytes of `block` up to the end of the current piece, or up to the beginning of an object. Returns how many, and
    /// whether a piece ended.
    fn split(&mut self, block: &[u8]) -> (usize, bool) {
        for (at, &byte) in block.iter().enumerate() {
            if self.ends_before(byte) {
                return (at, true);
            }
            if byte == b'{' && self.between() && at > 0 {
                return (at, false);
            }
            self.add(byte);
            if self.is_object && self.depth == 0 {
                return (at + 1, true);
            }
        }
        (block.len(), false)
    }

    /// Whether the current piece ends before `byte`.
    fn ends_before(&self, byte: u8) -> bool {
        let begins = byte == b'{';
        if self.is_object {
            self.in_string && byte == b'\n' || begins && self.column == 0 || self.bytes.len() >= OBJECT_BYTES_MAX
        } else {
            !self.between() && (begins || byte == b'\n')
        }
    }

    fn add(&mut self, byte: u8) {
        if self.is_object {
            self.bytes.push(byte);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => self.depth -= 1,
                _ => {}
            }
        } else if byte == b'{' {
            (self.begun, self.is_object, self.depth) = (self.line, true, 1);
            self.bytes.push(byte);
        } else if !self.between() || !(byte.is_ascii_whitespace() || b",[]".contains(&byte)) {
            if self.between() {
                self.begun = self.line;
            }
            if self.bytes.len() < STRAY_BYTES {
                self.bytes.push(byte);
            }
        }
        self.column += 1;
        if byte == b'\n' {
            (self.line, self.column) = (self.line + 1, 0);
        }
    }

    /// Ends the current piece; `None` if there is none.
    fn take<T>(&mut self) -> Option<Piece<T>> {
        let is_object = std::mem::take(&mut self.is_object);
        (self.depth, self.in_string, self.escaped) = (0, false, false);
        let bytes = std::mem::take(&mut self.bytes);
        let content = if is_object {
            Content::Object(bytes)
        } else if bytes.is_empty() {
            return None;
        } else {
            Content::Other(bytes)
        };
        Some(Piece { line: self.begun, content })
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Line, text and kind of each piece, read in blocks of some bytes.
    fn pieces(text: &str, block: usize) -> Vec<(usize, String, bool)> {
        let mut objects = Objects::new(BufReader::with_capacity(block, text.as_bytes()));
        let understand = |line: &[u8]| {
            let value: serde_json::Value = serde_json::from_slice(line).ok()?;
            value.is_object().then(|| line.to_vec())
        };
        std::iter::from_fn(|| objects.next(understand).expect("readable"))
            .map(|piece| {
                let (bytes, is_object) = match piece.content {
                    Content::Line(bytes) | Content::Object(bytes) => (bytes, true),
                    Content::Other(bytes) => (bytes, false),
                };
                (piece.line, String::from_utf8(bytes).expect("text"), is_object)
            })
            .collect()
    }

    fn objects(text: &str) -> Vec<String> {
        let found = pieces(text, 1);
        for block in [2, 3, 7, 1000] {
            assert_eq!(pieces(text, block), found, "blocks of {block} bytes");
        }
        found.into_iter().filter(|piece| piece.2).map(|piece| piece.1).collect()
    }

    #[test]
    fn objects_are_found_on_lines_in_arrays_and_across_lines() {
        let two = ["{\"a\":1}", "{\"b\":{\"c\":[2]}}"];
        for joined in ["\n", "\r\n", "", " ", ",", ",\n", "\n\n\n"] {
            assert_eq!(objects(&two.join(joined)), two, "{joined:?}");
        }
        assert_eq!(objects(&format!("[{},\n {}]\n", two[0], two[1])), two);
        let pretty = "{\n  \"a\": {\n    \"b\": \"}{\\\"\"\n  }\n}";
        assert_eq!(objects(&format!("{pretty}\n{}\n", two[0])), [pretty, two[0]]);
        assert_eq!(objects(""), Vec::<String>::new());
    }

    #[test]
    fn an_object_that_was_cut_ends_where_the_next_line_begins() {
        let whole = "{\"a\":1}";
        for cut in ["{\"a\":\"te", "{\"a\":{\"b\":1", "{\"a\":\"x\\", "{"] {
            let found = objects(&format!("{whole}\n{cut}\n{whole}\n"));
            assert_eq!([&found[0], found[1].trim_end(), &found[2]], [whole, cut, whole]);
        }
        assert_eq!(objects("{\"a\":1"), ["{\"a\":1"], "the end of the stream");
    }

    #[test]
    fn other_text_is_one_piece_a_line() {
        let text = |line, text: &str, is_object| (line, text.to_owned(), is_object);
        for block in [1, 4, 100] {
            let found = pieces("\n\nhello world\n{}x{}\n", block);
            let expected =
                [text(3, "hello world", false), text(4, "{}", true), text(4, "x", false), text(4, "{}", true)];
            assert_eq!(found, expected);
        }
        let long = "y".repeat(5000);
        assert_eq!(pieces(&long, 64)[0].1.len(), STRAY_BYTES);
    }
}
