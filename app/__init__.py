"""The studio: a local web server that shows what is in run folders. It never imports torch."""
