using Xunit;

namespace GrainDb.Faults;

/// <summary>What a scenario measured, for the one who runs it: on the console, and with the result of the test.</summary>
internal static class Report
{
    public static void Say(string line)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        Console.Out.WriteLine($"{TestContext.Current.TestMethod?.MethodName}: {line}");
    }
}
