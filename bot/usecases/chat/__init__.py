"""What people do by chatting: who they are, what they ask for, what they are answered."""
