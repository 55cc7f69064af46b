namespace GrainDb.LoadTool.Commands;

/// <summary>The command line is wrong. Ends the process with exit code 2 and one line.</summary>
internal sealed class UsageException(string message) : Exception(message);
