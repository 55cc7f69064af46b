global using Xunit;
// Orleans has an ErrorCode of its own in its root namespace.
global using ErrorCode = GrainDb.Interfaces.Errors.ErrorCode;
