"""The same small site in four frameworks, each as its own tutorial would have it. `notes`: what the lifespan did."""

notes: list[str] = []
