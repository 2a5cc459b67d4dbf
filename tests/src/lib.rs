//! The tests of the product stand in `product/`.
