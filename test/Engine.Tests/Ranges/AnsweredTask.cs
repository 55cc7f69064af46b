using Xunit;

namespace GrainDb.Engine.Tests.Ranges;

/// <summary>Everything runs in the test's thread: a task is complete when it should be, and is never waited for.</summary>
internal static class AnsweredTask
{
    public static T Answered<T>(this Task<T> task)
    {
        Assert.True(task.IsCompletedSuccessfully, "not answered yet");
        return task.Result;
    }
}
