//! A program made ready to be run by execve(2), so that a child need not allocate between its birth and the call. Not a
//! mechanism.

use std::ffi::{CString, OsString, c_char};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use nix::unistd::{dup2_stdin, dup2_stdout};

use super::{Plugs, Program};

/// The status of a child that could not become the program, as a shell gives it.
pub(super) const NOT_RUN: u8 = 127;

/// File, arguments and environment, in the form the system call wants.
pub(super) struct Image {
    exe: CString,
    /// Point into the strings that follow, whose bytes stay where they are.
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    _args: Vec<CString>,
    _environment: Vec<CString>,
}

impl Image {
    pub(super) fn of(program: &Program) -> io::Result<Self> {
        let (args, environment) = (program.args.clone(), environment()?);
        let pointers = |strings: &[CString]| -> Vec<*const c_char> {
            strings.iter().map(|it| it.as_ptr()).chain([ptr::null()]).collect()
        };
        Ok(Self {
            exe: program.exe.clone(),
            argv: pointers(&args),
            envp: pointers(&environment),
            _args: args,
            _environment: environment,
        })
    }

    /// Becomes the program, with `plugs` for standard input and output; returns only where that fails. Allocates nothing and
    /// writes to no memory of its caller.
    pub(super) fn run(&self, plugs: &Plugs) -> u8 {
        if dup2_stdin(&plugs.input).is_ok() && dup2_stdout(&plugs.output).is_ok() {
            // SAFETY: file, arguments and environment are strings that end in a zero byte, in lists that end in a null
            // pointer, all of them owned by `self`.
            unsafe { libc::execve(self.exe.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        }
        NOT_RUN
    }
}

/// This process's own environment.
pub fn environment() -> io::Result<Vec<CString>> {
    let entry = |(name, value): (OsString, OsString)| -> io::Result<CString> {
        let mut text = name.into_vec();
        text.push(b'=');
        text.extend(value.into_vec());
        Ok(CString::new(text)?)
    };
    std::env::vars_os().map(entry).collect()
}
