//! Version of the C library that this program runs with.
#![allow(unsafe_code)]

/// `glibc 2.41`.
#[cfg(target_env = "gnu")]
pub(super) fn libc_version() -> String {
    // SAFETY: gnu_get_libc_version(3) returns a pointer to a constant, NUL-terminated text of the library.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    format!("glibc {}", version.to_string_lossy())
}

/// The library that the program was built for, which does not tell its version.
#[cfg(not(target_env = "gnu"))]
pub(super) fn libc_version() -> String {
    (if cfg!(target_env = "musl") { "musl" } else { "another than glibc and musl" }).to_owned()
}
