"""Problems made of what users have in other forms than a cost of theta."""
