/** A process that ends before it has begun any handler. */
process.exit(7)
