"""Starting training from the browser: plan, estimate, process, routes."""
