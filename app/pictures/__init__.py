"""Still pictures and the desktop window, drawn by Polyscope."""
