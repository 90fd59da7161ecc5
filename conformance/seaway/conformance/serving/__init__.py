"""How the suite judges a server: it starts it as a process, holds the strings of its consumers, and talks to it raw."""
