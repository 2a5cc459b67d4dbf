//! One binary for all tests of the product from outside: fewer links, and one place for helpers.
