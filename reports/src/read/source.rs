//! Where recordings are read from: files, run directories, directories of runs, pipes and the standard input; plain, or
//! compressed with gzip or zstd.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Name of the records file inside a run's directory.
const RECORDS: &str = "records.jsonl";
/// What follows its name where it is compressed.
const PACKED: [&str; 3] = ["", ".gz", ".zst"];
/// Bytes read at once.
const BLOCK: usize = 256 << 10;
/// Path that names the standard input.
const STDIN: &str = "-";

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Files at `path`: itself; or the records of the run in this directory; or those of the runs right below it and every
/// `.jsonl` file in it, in order of their names.
///
/// Errors: nothing there, or a directory without runs.
pub(super) fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path == Path::new(STDIN) {
        return Ok(vec![path.to_owned()]);
    }
    let shown = path.display();
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow::anyhow!("{shown} is missing: there is no such file or directory"),
        _ => anyhow::anyhow!("cannot read {shown}: {error}"),
    })?;
    if !found.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    if let Some(own) = records_of(path) {
        return Ok(vec![own]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?;
    let entries = entries.flatten().map(|entry| entry.path());
    let of_entry =
        |entry: PathBuf| if entry.is_dir() { records_of(&entry) } else { is_recording(&entry).then_some(entry) };
    let mut below: Vec<PathBuf> = entries.filter_map(of_entry).collect();
    below.sort();
    ensure!(
        !below.is_empty(),
        "{shown} holds no run: there is no {RECORDS} in it or in a directory right below it, plain or as .gz or .zst"
    );
    Ok(below)
}

/// The records file of the run in `directory`.
fn records_of(directory: &Path) -> Option<PathBuf> {
    PACKED.iter().map(|packed| directory.join(format!("{RECORDS}{packed}"))).find(|file| file.exists())
}

fn is_recording(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    PACKED.iter().any(|packed| name.ends_with(&format!(".jsonl{packed}")))
}

/// Opens a file of [`files`], and decompresses it.
///
/// Errors: it cannot be read.
pub(super) fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let shown = || format!("cannot read {}", file.display());
    let input: Box<dyn BufRead> = if file == Path::new(STDIN) {
        Box::new(BufReader::with_capacity(BLOCK, io::stdin().lock()))
    } else {
        Box::new(BufReader::with_capacity(BLOCK, File::open(file).with_context(shown)?))
    };
    plain(input).with_context(shown)
}

/// The text of a stream that may be compressed, and may begin with a byte order mark.
fn plain(mut input: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    let first = peek(&mut input, ZSTD.len())?;
    let mut input = again(first.clone(), input);
    if first.starts_with(GZIP) {
        return plain(Box::new(BufReader::with_capacity(BLOCK, MultiGzDecoder::new(input))));
    }
    if first.starts_with(ZSTD) {
        return plain(Box::new(BufReader::with_capacity(BLOCK, Frames { decoder: Some(frame(input)?) })));
    }
    if first.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    Ok(input)
}

/// The first `count` bytes, fewer at the end of the stream. A pipe may give them one by one.
fn peek(input: &mut Box<dyn BufRead>, count: usize) -> io::Result<Vec<u8>> {
    let mut first = vec![];
    input.take(count as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// A stream with the bytes that were read from it.
fn again(first: Vec<u8>, rest: Box<dyn BufRead>) -> Box<dyn BufRead> {
    Box::new(io::Cursor::new(first).chain(rest))
}

type Frame = StreamingDecoder<Box<dyn BufRead>, FrameDecoder>;

fn frame(input: Box<dyn BufRead>) -> io::Result<Frame> {
    StreamingDecoder::new(input).map_err(io::Error::other)
}

/// Frames of zstd, one after another, as in files that were joined.
struct Frames {
    decoder: Option<Frame>,
}

impl Read for Frames {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let count = decoder.read(room)?;
            if count > 0 || room.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.decoder.take().map(StreamingDecoder::into_inner) else { break };
            if !rest.fill_buf()?.is_empty() {
                self.decoder = Some(frame(rest)?);
            }
        }
        Ok(0)
    }
}

/// What a stream that is no recording looks like, from its first bytes; `None` if they are those of a recording.
pub(super) fn looks_like(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 9] = [
        (b"\x7fELF", "a program"),
        (b"PK", "a zip archive; unpack it first"),
        (b"\x89PNG", "a picture"),
        (b"%PDF", "a PDF document"),
        (b"BZh", "a bzip2 file; unpack it first"),
        (b"\xfd7zXZ", "an xz file; unpack it first"),
        (b"PAR1", "a Parquet file"),
        (b"\xff\xfe", "UTF-16 text; convert it to UTF-8 first"),
        (b"\xfe\xff", "UTF-16 text; convert it to UTF-8 first"),
    ];
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    Some(match text.trim_start() {
        page if page.starts_with("<!doctype") || page.starts_with("<html") => {
            "an HTML page; the records are in records.jsonl beside it"
        }
        _ if text.contains("\"schema\":") => return None,
        object if object.starts_with(['{', '[']) => "JSON, but not of ipcmark's records",
        _ if head.contains(&0) => "a binary file",
        _ => "text without JSON",
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn text_of(bytes: Vec<u8>) -> String {
        let mut text = String::new();
        plain(Box::new(io::Cursor::new(bytes))).and_then(|mut all| all.read_to_string(&mut text)).expect("readable");
        text
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd(text: &str) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn compressed_streams_and_joined_ones_are_plain_text() {
        assert_eq!(text_of(b"abc".to_vec()), "abc");
        assert_eq!(text_of(b"".to_vec()), "");
        assert_eq!(text_of(b"\xef\xbb\xbfabc".to_vec()), "abc");
        for pack in [gzip, zstd] {
            assert_eq!(text_of(pack("one\n")), "one\n");
            assert_eq!(text_of([pack("one\n"), pack("two\n")].concat()), "one\ntwo\n");
        }
        assert_eq!(text_of(gzip("\u{feff}abc")), "abc");
    }

    #[test]
    fn wrong_files_are_named_by_their_first_bytes() {
        assert_eq!(looks_like(b"\x7fELF\x02"), Some("a program"));
        assert!(looks_like(b"  <!DOCTYPE html>").is_some_and(|it| it.starts_with("an HTML page")));
        assert!(looks_like(b"{\"a\":1}").is_some_and(|it| it.starts_with("JSON")));
        assert_eq!(looks_like(b"\x00\x01\x02"), Some("a binary file"));
        assert_eq!(looks_like(b"name = \"quick\""), Some("text without JSON"));
        assert_eq!(looks_like(b"[ {\n  \"schema\": 3,"), None);
    }
}
